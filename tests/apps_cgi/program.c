/* What the tests want from a CGI program, in C. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT "Content-Type: text/plain\n\n"

extern char **environ;

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static void print_environment(void)
{
    int count = 0;
    while (environ[count])
        count++;
    qsort(environ, count, sizeof *environ, compare);
    fputs(TEXT, stdout);
    for (int i = 0; i < count; i++)
        printf("%s\n", environ[i]);
}

static void echo(void)
{
    const char *length = getenv("CONTENT_LENGTH");
    long left = length ? atol(length) : 0, count = 0, sum = 0;
    int byte;
    while (left-- > 0 && (byte = getchar()) != EOF) {
        count++;
        sum += byte;
    }
    printf(TEXT "%ld %ld\n", count, sum);
}

static const struct { const char *action, *answer; } answers[] = {
    {"document", TEXT "document\n"},
    {"crlf", "Content-Type: text/plain\r\n\r\ndocument\n"},
    {"status", "Status: 404 No Such Thing\n" TEXT "missing\n"},
    {"status-only", "Status: 204 No Content\n\n"},
    {"local", "Location: %s/document?from=local\n\n"},
    {"local-loop", "Location: %s/local-loop\n\n"},
    {"local-cookie", "Set-Cookie: a=1\nLocation: %s/document\n\n"},
    {"client", "Location: http://example.org/there\n\n"},
    {"client-document", "Status: 303 See Other\nLocation: http://example.org/\n" TEXT "go there\n"},
    {"fields", "X-Twice: 1\nX-Twice: 2\nSet-Cookie: a=1\nSet-Cookie: b=2\n" TEXT "fields\n"},
    {"length", "Content-Length: 5\n" TEXT "12345"},
    {"empty", ""},
    {"no-blank", "Content-Type: text/plain\n"},
    {"no-colon", "hello\n\nworld\n"},
    {"no-type", "X-Field: 1\n\nbody\n"},
    {"bad-status", "Status: nonsense\n" TEXT "x\n"},
    {"split", "X-Field: a\rSet-Cookie: b=1\n" TEXT "x\n"},
    {"exit", TEXT "then it ends with 3\n"},
};

int main(void)
{
    char action[64] = "document", directory[4096];
    const char *path_info = getenv("PATH_INFO");
    if (path_info && path_info[0] == '/')
        snprintf(action, sizeof action, "%.*s", (int) strcspn(path_info + 1, "/"), path_info + 1);
    if (!strcmp(action, "environ")) {
        print_environment();
    } else if (!strcmp(action, "echo")) {
        echo();
    } else if (!strcmp(action, "error")) {
        for (int i = 0; i < 1000; i++)
            fprintf(stderr, "%0120d\n", i);
        fputs(TEXT "survived\n", stdout);
    } else if (!strcmp(action, "directory")) {
        printf(TEXT "%s\n", getcwd(directory, sizeof directory));
    } else {
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
            if (!strcmp(action, answers[i].action))
                printf(answers[i].answer, getenv("SCRIPT_NAME"));
    }
    return strcmp(action, "exit") ? 0 : 3;
}
