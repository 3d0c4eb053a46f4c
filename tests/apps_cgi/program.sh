#!/bin/sh
# What the tests want from a CGI program, in the shell's language.
action=${PATH_INFO#/}
action=${action%%/*}
me=$SCRIPT_NAME
text='Content-Type: text/plain\n\n'

case ${action:-document} in
document) printf "${text}document\n" ;;
crlf) printf 'Content-Type: text/plain\r\n\r\ndocument\n' ;;
status) printf "Status: 404 No Such Thing\n${text}missing\n" ;;
status-only) printf 'Status: 204 No Content\n\n' ;;
local) printf 'Location: %s/document?from=local\n\n' "$me" ;;
local-loop) printf 'Location: %s/local-loop\n\n' "$me" ;;
local-cookie) printf 'Set-Cookie: a=1\nLocation: %s/document\n\n' "$me" ;;
client) printf 'Location: http://example.org/there\n\n' ;;
client-document) printf "Status: 303 See Other\nLocation: http://example.org/\n${text}go there\n" ;;
fields) printf "X-Twice: 1\nX-Twice: 2\nSet-Cookie: a=1\nSet-Cookie: b=2\n${text}fields\n" ;;
length) printf "Content-Length: 5\n${text}12345" ;;
empty) ;;
no-blank) printf 'Content-Type: text/plain\n' ;;
no-colon) printf 'hello\n\nworld\n' ;;
no-type) printf 'X-Field: 1\n\nbody\n' ;;
bad-status) printf "Status: nonsense\n${text}x\n" ;;
split) printf "X-Field: a\rSet-Cookie: b=1\n${text}x\n" ;;
environ)
    printf "$text"
    env | LC_ALL=C sort
    ;;
echo)
    printf "$text"
    head -c "${CONTENT_LENGTH:-0}" | od -An -v -tu1 | awk '{ for (i = 1; i <= NF; i++) { n++; sum += $i } } END { print n + 0, sum + 0 }'
    ;;
error)
    i=0
    while [ $i -lt 1000 ]; do
        printf "%0120d\n" 0
        i=$((i + 1))
    done >&2
    printf "${text}survived\n"
    ;;
directory)
    printf "$text"
    pwd
    ;;
exit)
    printf "${text}then it ends with 3\n"
    exit 3
    ;;
esac
