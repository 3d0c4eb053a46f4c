#!/usr/bin/perl
# What the tests want from a CGI program, in Perl.
use strict;
use Cwd;

my (undef, $action) = split m{/}, $ENV{PATH_INFO} // '', 3;
$action ||= 'document';
my $me = $ENV{SCRIPT_NAME};
my $text = "Content-Type: text/plain\n\n";

sub environ {
    return $text . join '', map {"$_=$ENV{$_}\n"} sort keys %ENV;
}

sub echo {
    my ($body, $sum) = ('', 0);
    while (length $body < ($ENV{CONTENT_LENGTH} || 0)) {
        read(STDIN, $body, $ENV{CONTENT_LENGTH} - length $body, length $body) or last;
    }
    $sum += $_ for unpack 'C*', $body;
    return $text . length($body) . " $sum\n";
}

sub error {
    print STDERR (("error " x 20 . "\n") x 1000);
    return $text . "survived\n";
}

my %answers = (
    'document'        => $text . "document\n",
    'crlf'            => "Content-Type: text/plain\r\n\r\ndocument\n",
    'status'          => "Status: 404 No Such Thing\n${text}missing\n",
    'status-only'     => "Status: 204 No Content\n\n",
    'local'           => "Location: $me/document?from=local\n\n",
    'local-loop'      => "Location: $me/local-loop\n\n",
    'local-cookie'    => "Set-Cookie: a=1\nLocation: $me/document\n\n",
    'client'          => "Location: http://example.org/there\n\n",
    'client-document' => "Status: 303 See Other\nLocation: http://example.org/\n${text}go there\n",
    'fields'          => "X-Twice: 1\nX-Twice: 2\nSet-Cookie: a=1\nSet-Cookie: b=2\n${text}fields\n",
    'length'          => "Content-Length: 5\n${text}12345",
    'empty'           => '',
    'no-blank'        => "Content-Type: text/plain\n",
    'no-colon'        => "hello\n\nworld\n",
    'no-type'         => "X-Field: 1\n\nbody\n",
    'bad-status'      => "Status: nonsense\n${text}x\n",
    'split'           => "X-Field: a\rSet-Cookie: b=1\n${text}x\n",
    'environ'         => \&environ,
    'echo'            => \&echo,
    'error'           => \&error,
    'directory'       => $text . getcwd() . "\n",
    'exit'            => $text . "then it ends with 3\n",
);
my $answer = $answers{$action};
binmode STDOUT;
print ref $answer ? $answer->() : $answer;
exit($action eq 'exit' ? 3 : 0);
