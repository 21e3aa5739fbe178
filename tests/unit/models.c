/* Helpers of the runtime's tests. See models.h. */
#define _GNU_SOURCE 1
#include "tests/unit/models.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int place_open(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    const char *jit = getenv("QUERN_BUILD");
    static char jit_path[4096];
    struct quern_context_options options = {0};
    if (jit) {
        snprintf(jit_path, sizeof jit_path, "%s/.libs/libquern-jit.so", jit);
        options.jit_path = jit_path;
    }
    strcpy(place->directory, "/tmp/quern-test-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    assert_int_equal(quern_context_create(&options, &place->context), QUERN_OK);
    *state = place;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

int place_close(void **state)
{
    struct place *place = *state;
    quern_context_destroy(place->context);
    nftw(place->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(place);
    return 0;
}

const char *in(struct place *place, const char *name)
{
    static char ring[8][512];
    static unsigned next;
    char *path = ring[next++ % 8];
    snprintf(path, sizeof ring[0], "%s/%s", place->directory, name);
    return path;
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
}

static FILE *create(struct place *place, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s", in(place, name));
    make_folders(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    return file;
}

void write_text(struct place *place, const char *name, const char *text)
{
    FILE *file = create(place, name);
    fputs(text, file);
    fclose(file);
}

void write_tensors(struct place *place, const char *name, const struct entry *entries, size_t count)
{
    size_t size = 0, at = 0;
    char *header = NULL;
    FILE *text = open_memstream(&header, &size), *file = create(place, name);
    fputc('{', text);
    for (size_t i = 0; i < count; i++) {
        fprintf(text, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", i ? "," : "", entries[i].name, entries[i].dtype);
        for (int d = 0; d < 4 && entries[i].shape[d] >= 0; d++)
            fprintf(text, "%s%lld", d ? "," : "", (long long)entries[i].shape[d]);
        fprintf(text, "],\"data_offsets\":[%zu,%zu]}", at, at + entries[i].bytes);
        at += entries[i].bytes;
    }
    fputc('}', text);
    fclose(text);
    uint64_t length = size;
    fwrite(&length, 8, 1, file);
    fwrite(header, 1, size, file);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < entries[i].bytes; j++)
            fputc(entries[i].data ? ((const char *)entries[i].data)[j] : 0, file);
    fclose(file);
    free(header);
}

char *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    bytes[*size] = 0;
    fclose(file);
    return bytes;
}

bool same_files(const char *a, const char *b)
{
    size_t m = 0, n = 0;
    char *x = read_whole(a, &m), *y = read_whole(b, &n);
    bool same = x && y && m == n && !memcmp(x, y, m);
    free(x);
    free(y);
    return same;
}

bool exists(const char *path)
{
    struct stat status;
    return !lstat(path, &status);
}

int count_entries(const char *directory)
{
    int count = -2; /* . and .. */
    DIR *dir = opendir(directory);
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

const char *messages(struct place *place)
{
    static char buffer[65536];
    const char *text = quern_diagnostics_text(place->context, false);
    size_t used = 0, size = strlen(place->directory);
    while (*text && used + 4 < sizeof buffer) {
        bool found = !strncmp(text, place->directory, size);
        const char *from = found ? "DIR" : text;
        size_t n = found ? 3 : 1;
        memcpy(buffer + used, from, n);
        used += n;
        text += found ? size : 1;
    }
    buffer[used] = 0;
    quern_diagnostics_clear(place->context);
    return buffer;
}

quern_recipe *load_recipe(struct place *place, const char *text)
{
    quern_recipe *recipe = NULL;
    enum quern_status status = quern_recipe_load_memory(place->context, "r.qr", text, strlen(text), &recipe);
    if (status)
        fail_msg("%s", messages(place));
    return recipe;
}

quern_model *open_model(struct place *place, const char *name)
{
    quern_model *model = NULL;
    if (quern_model_open(place->context, in(place, name), &model))
        fail_msg("%s", messages(place));
    return model;
}

enum quern_status quantize_model(struct place *place, const char *recipe, const char *model, const char *out, const struct quern_run_options *options)
{
    quern_recipe *r = load_recipe(place, recipe);
    quern_model *m = open_model(place, model);
    enum quern_status status = quern_quantize(r, m, in(place, out), options);
    quern_model_close(m);
    quern_recipe_close(r);
    return status;
}

const char *weight_recipe(const char *spec)
{
    static char text[256];
    snprintf(text, sizeof text, "config c { weight %s }\nmatch first { _ => c }\n", spec);
    return text;
}
