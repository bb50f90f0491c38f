/*
 * directory.h: what is used, what is replaced, what is refused, and what is swept away.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=write -Wl,--wrap=fchmod -Wl,--wrap=renameat -Wl,--wrap=pread -Wl,--wrap=fstat
// LINK: -Wl,--wrap=nanosleep -Wl,--wrap=flock -Wl,--wrap=symlinkat
#include "directory_stage.h"

/* -- opening -- */

static enum rp_error open_path(const char *path)
{
    struct rp_directory opened = {-2};
    enum rp_error error = rp_directory_open(&opened, path);
    CHECK_EQ(opened.fd >= 0, error == RP_OK);
    if (!error) {
        rp_directory_close(&opened);
    }
    return error;
}

static void what_is_missing_is_made(void)
{
    scratch_begin();
    const mode_t before = umask(0);
    CHECK_EQ(open_path(scratch_path("a/b/c")), RP_OK);
    umask(before);
    CHECK_EQ(scratch_status("a/b/c").st_mode & 07777, 0755);
    CHECK_EQ(scratch_status("a").st_mode & 07777, 0755);
    CHECK_EQ(open_path(scratch_path("a/b/c")), RP_OK);
    scratch_end();
}

static void what_can_not_be_made_is_missing(void)
{
    char path[PATH_MAX + 64];
    scratch_begin();
    CHECK_EQ(open_path("/proc/self/railprobe"), RP_DIRECTORY_MISSING);
    CHECK_EQ(errno, ENOENT);
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    CHECK_EQ(open_path(path), RP_DIRECTORY_MISSING);
    CHECK_EQ(errno, ENAMETOOLONG);
    fault_begin(&fault_system, 1);
    CHECK_EQ(open_path(scratch), RP_DIRECTORY_MISSING);
    CHECK(fault_end(&fault_system));
    scratch_end();
}

static void what_is_no_directory_is_refused(void)
{
    scratch_begin();
    scratch_write("file", "", 0, 0644);
    scratch_directory("real", 0755);
    CHECK_EQ(symlink("real", scratch_path("link")), 0);
    CHECK_EQ(symlink("nowhere", scratch_path("dangling")), 0);
    CHECK_EQ(open_path(scratch_path("file")), RP_DIRECTORY_TYPE);
    CHECK_EQ(open_path(scratch_path("file/below")), RP_DIRECTORY_TYPE);
    CHECK_EQ(open_path(scratch_path("link")), RP_DIRECTORY_TYPE);
    CHECK_EQ(open_path(scratch_path("dangling")), RP_DIRECTORY_TYPE);
    CHECK(!scratch_has("nowhere"));
    scratch_end();
}

static void where_others_may_write_is_refused(void)
{
    static const struct {
        mode_t mode;
        enum rp_error error;
    } modes[] = {{0755, RP_OK},
                 {0700, RP_OK},
                 {0555, RP_OK},
                 {0775, RP_DIRECTORY_MODE},
                 {0757, RP_DIRECTORY_MODE},
                 {01777, RP_DIRECTORY_MODE}};
    scratch_begin();
    scratch_directory("d", 0755);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        CHECK_EQ(chmod(scratch_path("d"), modes[i].mode), 0);
        CHECK_EQ(open_path(scratch_path("d")), modes[i].error);
    }
    scratch_end();
}

static int open_as_stranger(void *path)
{
    return setresuid(SCRATCH_STRANGER, SCRATCH_STRANGER, SCRATCH_STRANGER) != 0
               ? 99
               : (int)open_path(path);
}

static void a_directory_is_ours_or_roots(void)
{
    if (!is_root()) {
        return;
    }
    scratch_begin();
    CHECK_EQ(chmod(scratch, 0755), 0);
    const char *path = scratch_directory("d", 0755);
    CHECK_EQ(in_child(open_as_stranger, (void *)path), RP_OK);
    CHECK_EQ(chown(path, SCRATCH_STRANGER, SCRATCH_STRANGER), 0);
    CHECK_EQ(open_path(path), RP_DIRECTORY_OWNER);
    CHECK_EQ(in_child(open_as_stranger, (void *)path), RP_OK);
    CHECK_EQ(chown(path, SCRATCH_STRANGER - 1, 0), 0);
    CHECK_EQ(in_child(open_as_stranger, (void *)path), RP_DIRECTORY_OWNER);
    scratch_end();
}

/* -- taking -- */

static void a_new_file_is_complete_and_locked(void)
{
    uint8_t read_back[SIZE + 1];
    int fd = -1;
    begin();
    CHECK_EQ(take("app-1.so", &fd), RP_OK);
    CHECK_EQ(read(fd, read_back, sizeof read_back), SIZE);
    CHECK_MEM(read_back, contents, SIZE);
    CHECK_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    CHECK_EQ(scratch_status("app-1.so").st_mode & 07777, 0555);
    int other = open(scratch_path("app-1.so"), O_RDONLY | O_CLOEXEC);
    CHECK_EQ(flock(other, LOCK_EX | LOCK_NB), -1);
    close(fd);
    CHECK_EQ(flock(other, LOCK_EX | LOCK_NB), 0);
    close(other);
    CHECK_EQ(scratch_count("", ""), 1);
    end();
}

static void a_valid_file_is_used_and_not_touched(void)
{
    begin();
    CHECK_EQ(try("app-1.so"), RP_OK);
    const struct stat before = scratch_status("app-1.so");
    CHECK_EQ(try("app-1.so"), RP_OK);
    const struct stat after = scratch_status("app-1.so");
    CHECK_EQ(after.st_ino, before.st_ino);
    CHECK_MEM(&after.st_ctim, &before.st_ctim, sizeof after.st_ctim);
    CHECK_MEM(&after.st_mtim, &before.st_mtim, sizeof after.st_mtim);
    end();
}

static void an_own_file_that_is_wrong_is_replaced(void)
{
    static const struct {
        const char *bytes;
        size_t size;
        mode_t mode;
    } wrong[] = {
        {"", 0, 0555},                            /* truncated to nothing */
        {(const char *)contents, SIZE - 1, 0555}, /* truncated */
        {"the bytes of an imagE", SIZE, 0555},    /* one bit */
        {"the bytes of an image.....", 26, 0555}, /* longer */
        {(const char *)contents, SIZE, 0775},     /* others may write */
        {(const char *)contents, SIZE, 0557},     /* likewise */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin();
        scratch_write("app-1.so", wrong[i].bytes, wrong[i].size, wrong[i].mode);
        int held = open(scratch_path("app-1.so"), O_RDONLY | O_CLOEXEC); /* keeps its number */
        const struct stat before = scratch_status("app-1.so");
        CHECK_EQ(try("app-1.so"), RP_OK);
        const struct stat after = scratch_status("app-1.so");
        CHECK(after.st_ino != before.st_ino);
        CHECK_EQ(after.st_size, SIZE);
        CHECK_EQ(after.st_mode & 07777, 0555);
        CHECK_EQ(scratch_count("", ""), 1);
        close(held);
        end();
    }
}

static void plant_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.90s/socket", scratch);
    CHECK_EQ(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void what_is_no_file_is_left_alone(void)
{
    static const char *const names[] = {"link", "dangling", "fifo", "directory", "socket"};
    begin();
    scratch_write("real", contents, SIZE, 0555);
    CHECK_EQ(symlink("real", scratch_path("link")), 0);
    CHECK_EQ(symlink("nowhere", scratch_path("dangling")), 0);
    CHECK_EQ(mkfifo(scratch_path("fifo"), 0600), 0);
    scratch_directory("directory", 0755);
    plant_socket();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct stat before = scratch_status(names[i]);
        CHECK_EQ(try(names[i]), RP_FILE_TYPE);
        CHECK_EQ(scratch_status(names[i]).st_ino, before.st_ino);
    }
    CHECK(!scratch_has("nowhere"));
    CHECK_EQ(scratch_count("", ""), 6);
    end();
}

static void a_file_of_others_is_left_alone(void)
{
    if (!is_root()) {
        return;
    }
    begin();
    scratch_write("app-1.so", contents, SIZE, 0555);
    CHECK_EQ(chown(scratch_path("app-1.so"), SCRATCH_STRANGER, SCRATCH_STRANGER), 0);
    CHECK_EQ(try("app-1.so"), RP_FILE_OWNER);
    CHECK_EQ(scratch_status("app-1.so").st_uid, SCRATCH_STRANGER);
    end();
}

static int take_as_stranger(void *name)
{
    return setresuid(SCRATCH_STRANGER, SCRATCH_STRANGER, SCRATCH_STRANGER) != 0 ? 99
                                                                                : (int)try(name);
}

static void roots_file_serves_everybody(void)
{
    if (!is_root()) {
        return;
    }
    begin();
    CHECK_EQ(chmod(scratch, 0755), 0);
    CHECK_EQ(in_child(take_as_stranger, "app-1.so"), RP_FILE_WRITE);
    CHECK_EQ(try("app-1.so"), RP_OK);
    CHECK_EQ(in_child(take_as_stranger, "app-1.so"), RP_OK);
    CHECK_EQ(chmod(scratch_path("app-1.so"), 0), 0);
    CHECK_EQ(in_child(take_as_stranger, "app-1.so"), RP_FILE_OPEN);
    end();
}

static int take_with_limit(void *context)
{
    const struct rlimit limit = {SIZE - 1, SIZE - 1};
    (void)context;
    return setrlimit(RLIMIT_FSIZE, &limit) ? 99 : (int)try("app-1.so");
}

static void a_limit_on_files_is_told_and_not_run_into(void)
{
    begin();
    CHECK_EQ(in_child(take_with_limit, NULL), RP_FILE_LIMIT);
    CHECK_EQ(scratch_count("", ""), 0);
    CHECK_EQ(try("app-1.so"), RP_OK);
    CHECK_EQ(in_child(take_with_limit, NULL), RP_OK);
    end();
}

static void no_call_that_fails_leaves_anything_behind(void)
{
    begin();
    const unsigned files = open_files();
    for (unsigned n = 1; fault_in(&fault_system, n); n++) {
        enum rp_error error = try("app-1.so");
        bool failed = fault_end(&fault_system);
        CHECK(error == RP_OK || (failed && (error == RP_FILE_WRITE || error == RP_FILE_OPEN)));
        CHECK_EQ(scratch_count("", ".railprobe-"), 0);
        CHECK_EQ(open_files(), files);
        (void)unlink(scratch_path("app-1.so"));
    }
    end();
}

static void a_full_disk_is_told(void)
{
    begin();
    fault_begin(&fault_system, 1);
    CHECK_EQ(try("app-1.so"), RP_FILE_WRITE);
    CHECK_EQ(errno, ENOSPC);
    CHECK(fault_end(&fault_system));
    end();
}

static void without_memory_there_is_an_error_and_no_harm(void)
{
    begin();
    for (unsigned n = 1; fault_in(&fault_allocation, n); n++) {
        enum rp_error error = try("app-1.so");
        CHECK_EQ(error, fault_end(&fault_allocation) ? RP_MEMORY : RP_OK);
        CHECK_EQ(scratch_count("", ".railprobe-"), 0);
    }
    const struct stat before = scratch_status("app-1.so");
    fault_begin(&fault_allocation, 1);
    CHECK_EQ(try("app-1.so"), RP_MEMORY); /* what can't be compared is neither used nor replaced */
    CHECK(fault_end(&fault_allocation));
    CHECK_EQ(scratch_status("app-1.so").st_ino, before.st_ino);
    end();
}

static void who_keeps_the_directory_locked_keeps_us_out(void)
{
    begin();
    int other = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQ(flock(other, LOCK_EX), 0);
    pauses = 0;
    CHECK_EQ(try("app-1.so"), RP_DIRECTORY_BUSY);
    CHECK_EQ(pauses, 200);
    close(other);
    CHECK_EQ(try("app-1.so"), RP_OK);
    other = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQ(flock(other, LOCK_EX), 0);
    CHECK_EQ(try("app-1.so"), RP_OK); /* what is there needs no lock */
    close(other);
    end();
}

int main(void)
{
    RUN(what_is_missing_is_made);
    RUN(what_can_not_be_made_is_missing);
    RUN(what_is_no_directory_is_refused);
    RUN(where_others_may_write_is_refused);
    RUN(a_directory_is_ours_or_roots);
    RUN(a_new_file_is_complete_and_locked);
    RUN(a_valid_file_is_used_and_not_touched);
    RUN(an_own_file_that_is_wrong_is_replaced);
    RUN(what_is_no_file_is_left_alone);
    RUN(a_file_of_others_is_left_alone);
    RUN(roots_file_serves_everybody);
    RUN(a_limit_on_files_is_told_and_not_run_into);
    RUN(no_call_that_fails_leaves_anything_behind);
    RUN(a_full_disk_is_told);
    RUN(without_memory_there_is_an_error_and_no_harm);
    RUN(who_keeps_the_directory_locked_keeps_us_out);
    return check_finish();
}
