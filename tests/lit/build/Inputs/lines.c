/* What `quern match` prints, by a matcher that was built ahead of time: -DHEADER="PREFIX.h" -DP(name)=PREFIX_##name. */
#define _GNU_SOURCE
#include HEADER
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    while ((size = getline(&line, &capacity, stdin)) >= 0) {
        if (size && line[size - 1] == '\n')
            line[--size] = 0;
        int32_t unknown, rule = P(match_unknown)(line, (size_t)size, &unknown);
        if (P(match)(line, (size_t)size) != rule)
            return 1;
        fwrite(line, 1, (size_t)size, stdout);
        printf("\t%s\t%s\n", P(config_name)(rule), P(rule_origin)(rule));
    }
    free(line);
    return 0;
}
