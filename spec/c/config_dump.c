/*
 * Prints what is wrong in configuration files, as `railprobe check` does, or what they declare.
 *
 *   config_dump FILE...
 *
 * With one file FILE.yml of spec/fixtures/config/bad the output is what belongs into FILE.txt. Exit
 * code 1 when a file has errors.
 */
#include "config.h"
#include "files.h"

#include <stdio.h>
#include <string.h>

static enum rp_error dump(const char *path)
{
    struct rp_buffer text = {0};
    struct rp_buffer out = {0};
    struct rp_config config = {0};
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    enum rp_error error = RP_FILE_OPEN;
    if (file_read(path, &text)) {
        error = rp_config_read(&config, (const char *)text.bytes, text.size, NULL);
    }
    if (error == RP_CONFIG) {
        (void)rp_diagnostics_render(&config.errors, name, &out);
        (void)fwrite(out.bytes, 1, out.size, stdout);
    } else if (error == RP_OK) {
        printf("%s: %u tracers, %u probes\n", name, config.tracer_count, config.probe_count);
    } else {
        printf("%s: %s\n", name, rp_error_message(error));
    }
    rp_config_free(&config);
    rp_buffer_free(&out);
    rp_buffer_free(&text);
    return error;
}

int main(int argc, char **argv)
{
    int code = 0;
    for (int i = 1; i < argc; i++) {
        code |= dump(argv[i]) != RP_OK;
    }
    return code;
}
