/* memory_limit.c - the limits of control groups, as proc(5) and cgroups(7) describe their files.
 *
 * A line of /proc/self/cgroup is ID:CONTROLLERS:PATH. The group of version 2 has no controllers,
 * that of version 1 we want has "memory". In a container PATH may be the host's, of which the
 * container sees only its own end, at the top: every directory above PATH is looked into. */
#include "base/memory_limit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = PATH_MAX + 64 };

/* The number in a file; SIZE_MAX if there is none ("max"). */
static size_t read_limit(const char *path)
{
    char text[32] = "", *end = text;
    FILE *file = fopen(path, "re");
    if (!file)
        return SIZE_MAX;
    errno = 0;
    unsigned long long value =
        fgets(text, sizeof(text), file) ? strtoull(text, &end, 10) : 0;
    (void)fclose(file);
    return end == text || errno || value >= SIZE_MAX ? SIZE_MAX : (size_t)value;
}

/* The least limit in a group's directory and those above, down to the first `top` characters. */
static size_t least_limit(char *dir, size_t top, const char *name)
{
    size_t least = SIZE_MAX;
    char path[2 * LINE + 32];
    for (;;) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        size_t limit = read_limit(path);
        least = limit < least ? limit : least;
        char *slash = strrchr(dir, '/');
        if (!slash || (size_t)(slash - dir) < top)
            return least;
        *slash = '\0';
    }
}

/* The limit that a line of /proc/self/cgroup leads to. */
static size_t line_limit(const char *root, char *line)
{
    char dir[2 * LINE], *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group)
        return SIZE_MAX;
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    bool second = controllers[1] == '\0';
    if (!second && strcmp(controllers + 1, "memory") != 0)
        return SIZE_MAX;
    int top =
        snprintf(dir, sizeof(dir), "%s/sys/fs/cgroup%s", root, second ? "" : "/memory");
    if (top < 0 || (size_t)top + strlen(group) >= sizeof(dir))
        return SIZE_MAX;
    memcpy(dir + top, group, strlen(group) + 1);
    return least_limit(dir, (size_t)top, second ? "memory.max" : "memory.limit_in_bytes");
}

size_t mwn_memory_limit(const char *root)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    size_t least = pages > 0 && size > 0 ? (size_t)pages * (size_t)size : SIZE_MAX;
    char line[LINE];
    (void)snprintf(line, sizeof(line), "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "re");
    while (file && fgets(line, sizeof(line), file)) {
        size_t limit = line_limit(root, line);
        least = limit < least ? limit : least;
    }
    if (file)
        (void)fclose(file);
    return least;
}
