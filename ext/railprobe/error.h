/*
 * Every way in which the engine can fail, in one table.
 *
 * A function that can fail returns an enum rp_error; RP_OK is 0. Where the kernel refused, errno
 * still tells why when the function returns. railprobe.c alone turns a code into a Ruby exception.
 */
#ifndef RAILPROBE_ERROR_H
#define RAILPROBE_ERROR_H

#define RP_ERRORS(XX)                                                                              \
    XX(OK, "no error")                                                                             \
    XX(MEMORY, "out of memory")                                                                    \
    XX(SIZE, "a size does not fit (an image holds at most 4 GiB)")                                 \
    XX(NO_PROBES, "there is nothing to build: no probe is declared")                               \
    XX(NAME_EMPTY, "a name is empty")                                                              \
    XX(NAME_LONG, "a name is longer than 63 bytes, or a provider than 59, once mangled")           \
    XX(NAME_INVALID, "a name is not UTF-8, or has a NUL byte in it")                               \
    XX(NAME_CLASH, "two names are the same once mangled")                                          \
    XX(ARGUMENTS, "a probe carries at most 12 arguments (bytes counts as two)")                    \
    XX(TYPE, "a value is of another type than the argument declared")                              \
    XX(ARITY, "the number of values is not the number of arguments declared")                      \
    XX(SIGNATURE, "the probe is already declared with other arguments")                            \
    XX(GROUP, "a semaphore group is out of range")                                                 \
    XX(MACHINE, "no probe can be written for this CPU")                                            \
    XX(DIRECTORY_MISSING, "the directory can't be opened, or is missing and can't be made")        \
    XX(DIRECTORY_OWNER, "the directory belongs to neither this user nor root")                     \
    XX(DIRECTORY_MODE, "others may write in the directory")                                        \
    XX(DIRECTORY_TYPE, "the path is no directory, or a symbolic link")                             \
    XX(DIRECTORY_BUSY, "another process kept the directory locked")                                \
    XX(FILE_OWNER, "the file there belongs to neither this user nor root")                         \
    XX(FILE_MODE, "others may write to the file there")                                            \
    XX(FILE_TYPE, "what is there is no regular file")                                              \
    XX(FILE_CONTENT, "the file there has other bytes than the image")                              \
    XX(FILE_LIMIT, "the limit on file size (RLIMIT_FSIZE) is below the image's size")              \
    XX(FILE_OPEN, "the file can't be opened")                                                      \
    XX(FILE_WRITE, "the file can't be written")                                                    \
    XX(MAP, "the file can't be mapped executable (a noexec mount, or a security policy)")          \
    XX(MEMFD, "no memory file can be made")                                                        \
    XX(NOWHERE, "no directory would take the image, and neither would memory")                     \
    XX(THREAD, "the watcher thread can't be started")                                              \
    XX(FORK_HANDLER, "no handler for fork can be registered")                                      \
    XX(SYSTEM, "a system call failed")                                                             \
    XX(CONFIG, "the YAML file has errors")                                                         \
    XX(EXPRESSION, "an expression can't be used; what comes with this says where and why")

#define RP_ERROR_CODE(name, message) RP_##name,
enum rp_error { RP_ERRORS(RP_ERROR_CODE) RP_ERROR_COUNT };
#undef RP_ERROR_CODE

/* The words for a code; never NULL, static storage. */
static inline const char *rp_error_message(enum rp_error error)
{
#define RP_ERROR_TEXT(name, message) message,
    static const char *const messages[] = {RP_ERRORS(RP_ERROR_TEXT)};
#undef RP_ERROR_TEXT
    return (unsigned)error < RP_ERROR_COUNT ? messages[error] : "unknown error";
}

#endif
