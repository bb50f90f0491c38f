/*
 * directory.h: processes that come at once, links, and what is swept away.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=write -Wl,--wrap=fchmod -Wl,--wrap=renameat -Wl,--wrap=pread -Wl,--wrap=fstat
// LINK: -Wl,--wrap=nanosleep -Wl,--wrap=flock -Wl,--wrap=symlinkat
#include "directory_stage.h"

/* -- against other processes -- */

enum { RACERS = 16 };

static int take_at_the_gun(void *gun)
{
    char byte;
    struct stat status;
    struct rp_directory own;
    int fd = -1;
    others_are_real = true;
    if (read(*(int *)gun, &byte, 1) != 0 || rp_directory_open(&own, scratch) ||
        rp_directory_take(&own, "app-1.so", contents, SIZE, 0555, &fd) || fstat(fd, &status)) {
        return 1;
    }
    return status.st_ino == scratch_status("app-1.so").st_ino ? 0 : 2;
}

static void processes_that_come_at_once_get_one_file(void)
{
    int gun[2];
    pid_t racers[RACERS];
    begin();
    REQUIRE(pipe2(gun, O_CLOEXEC) == 0);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = fork();
        if (!racers[i]) {
            close(gun[1]);
            _exit(take_at_the_gun(&gun[0]));
        }
    }
    close(gun[1]); /* all of them read the end of the pipe now */
    for (int i = 0; i < RACERS; i++) {
        int status = -1;
        CHECK_EQ(waitpid(racers[i], &status, 0), racers[i]);
        CHECK_EQ(status, 0);
    }
    close(gun[0]);
    CHECK_EQ(scratch_count("", ""), 1);
    end();
}

/* The sweeper has the file's lock when we ask for it, and has removed the file when it lets us in. */
static void sweep_between(int fd, int operation)
{
    (void)fd;
    if (operation & LOCK_SH) {
        flock_is_held = true;
    } else {
        flock_is_held = false;
        before_flock = NULL;
        CHECK_EQ(unlink(scratch_path("app-1.so")), 0);
    }
}

static void a_file_that_is_being_swept_is_not_used(void)
{
    struct stat status = {0};
    int fd = -1;
    begin();
    CHECK_EQ(try("app-1.so"), RP_OK);
    before_flock = sweep_between;
    CHECK_EQ(take("app-1.so", &fd), RP_OK);
    CHECK(before_flock == NULL); /* the sweeper is through */
    before_flock = NULL;
    flock_is_held = false;
    CHECK_EQ(fstat(fd, &status), 0);
    CHECK_EQ(status.st_nlink, 1);
    CHECK_EQ(status.st_ino, scratch_status("app-1.so").st_ino);
    close(fd);
    end();
}

/* Who holds a file's lock for ever must not keep us out. */
static void a_lock_of_others_on_the_file_is_no_hindrance(void)
{
    begin();
    CHECK_EQ(try("app-1.so"), RP_OK);
    int other = open(scratch_path("app-1.so"), O_RDONLY | O_CLOEXEC);
    CHECK_EQ(flock(other, LOCK_EX), 0);
    const struct stat before = scratch_status("app-1.so");
    CHECK_EQ(try("app-1.so"), RP_OK);
    CHECK_EQ(scratch_status("app-1.so").st_ino, before.st_ino);
    close(other);
    end();
}

static void unlink_before_the_lock(int fd, int operation)
{
    (void)fd;
    if (operation & LOCK_SH) {
        before_flock = NULL;
        CHECK_EQ(unlink(scratch_path("app-1.so")), 0);
    }
}

static void a_file_that_was_swept_is_made_anew(void)
{
    begin();
    CHECK_EQ(try("app-1.so"), RP_OK);
    before_flock = unlink_before_the_lock;
    CHECK_EQ(try("app-1.so"), RP_OK);
    CHECK(before_flock == NULL);
    CHECK(scratch_has("app-1.so"));
    end();
}

/* -- links -- */

static void a_link_is_made_and_moved_in_one_step(void)
{
    begin();
    CHECK_EQ(rp_directory_link(&directory, "app.so", "app-1.so"), RP_OK);
    CHECK_STR(scratch_target("app.so"), "app-1.so");
    const struct stat before = scratch_status("app.so");
    CHECK_EQ(rp_directory_link(&directory, "app.so", "app-1.so"), RP_OK);
    CHECK_EQ(scratch_status("app.so").st_ino, before.st_ino);
    CHECK_EQ(rp_directory_link(&directory, "app.so", "app-12.so"), RP_OK);
    CHECK_STR(scratch_target("app.so"), "app-12.so");
    CHECK_EQ(rp_directory_link(&directory, "app.so", "app-1"), RP_OK);
    CHECK_STR(scratch_target("app.so"), "app-1");
    CHECK_EQ(scratch_count("", ""), 1);
    end();
}

static void a_link_that_can_not_be_is_told(void)
{
    begin();
    scratch_directory("app.so", 0755);
    CHECK_EQ(rp_directory_link(&directory, "app.so", "app-1.so"), RP_FILE_WRITE);
    CHECK_EQ(scratch_count("", ""), 1);
    CHECK_EQ(rp_directory_link(&directory, "none/app.so", "app-1.so"), RP_FILE_WRITE);
    CHECK_EQ(errno, ENOENT);
    end();
}

static void sweep(const char *stem, const char *kept);

static void sweep_now(void)
{
    after_symlink = NULL;
    sweep("app", "");
}

static void a_sweep_takes_no_link_in_the_making(void)
{
    begin();
    after_symlink = sweep_now;
    CHECK_EQ(rp_directory_link(&directory, "app.so", "app-1.so"), RP_OK);
    CHECK(after_symlink == NULL);
    CHECK_STR(scratch_target("app.so"), "app-1.so");
    end();
}

static void only_links_are_unlinked(void)
{
    begin();
    CHECK_EQ(symlink("nowhere", scratch_path("app.so")), 0);
    scratch_write("file", "", 0, 0644);
    rp_directory_unlink(&directory, "app.so");
    rp_directory_unlink(&directory, "file");
    rp_directory_unlink(&directory, "none");
    CHECK(!scratch_has("app.so"));
    CHECK(scratch_has("file"));
    end();
}

/* -- sweeping -- */

static bool is_kept(void *context, const char *name)
{
    return strcmp(context, name) == 0;
}

/* As another process would: with a directory of its own. */
static void sweep(const char *stem, const char *kept)
{
    struct rp_directory own;
    CHECK_EQ(rp_directory_open(&own, scratch), RP_OK);
    rp_directory_sweep(&own, stem, is_kept, (void *)kept);
    rp_directory_close(&own);
}

static void unused_images_go_with_their_manifests(void)
{
    static const char *const gone[] = {"app-0.so", "app-0.json", "app-deadbeef.so",
                                       ".railprobe-1-app-2.so", ".railprobe-x"};
    static const char *const stay[] = {"app-1.so",    "app-1.json",   "app.so",    "app2-0.so",
                                       "app-xyz.so",  "app-0.so.old", "app-.so",   "builtin-0.so",
                                       "my-app-0.so", "app-0A.so",    "app-9.json"};
    begin();
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        scratch_write(gone[i], "x", 1, 0555);
    }
    for (size_t i = 0; i < sizeof stay / sizeof *stay; i++) {
        scratch_write(stay[i], "x", 1, 0555);
    }
    sweep("app", "app-1.so");
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        CHECK(!scratch_has(gone[i]));
    }
    CHECK_EQ(scratch_count("", ""), sizeof stay / sizeof *stay);
    end();
}

static int sleep_on(void *fd)
{
    char byte;
    return read(*(int *)fd, &byte, 1) == 0 ? 0 : 1;
}

static void what_another_process_has_open_stays(void)
{
    int fd = -1;
    int hold[2];
    begin();
    REQUIRE(pipe2(hold, O_CLOEXEC) == 0);
    CHECK_EQ(take("app-1.so", &fd), RP_OK);
    pid_t other = fork();
    if (!other) {
        close(hold[1]);
        _exit(sleep_on(&hold[0]));
    }
    close(fd); /* the other one has it still */
    sweep("app", "");
    CHECK(scratch_has("app-1.so"));
    close(hold[1]);
    CHECK_EQ(waitpid(other, NULL, 0), other);
    close(hold[0]);
    sweep("app", "");
    CHECK(!scratch_has("app-1.so"));
    end();
}

static void what_was_put_there_for_good_stays(void)
{
    begin();
    scratch_write("app-1.so", "x", 1, 01555);
    scratch_directory("app-2.so", 0755);
    CHECK_EQ(symlink("app-1.so", scratch_path("app-3.so")), 0);
    CHECK_EQ(mkfifo(scratch_path("app-4.so"), 0600), 0);
    scratch_write("app-5.so", "x", 1, 0555);
    if (is_root()) {
        scratch_write("app-6.so", "x", 1, 0555);
        CHECK_EQ(chown(scratch_path("app-6.so"), SCRATCH_STRANGER, SCRATCH_STRANGER), 0);
    }
    sweep("app", "");
    CHECK(!scratch_has("app-5.so"));
    CHECK_EQ(scratch_count("", ""), geteuid() == 0 ? 5 : 4);
    end();
}

static void nothing_is_swept_under_the_lock_of_another(void)
{
    begin();
    scratch_write("app-5.so", "x", 1, 0555);
    int other = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQ(flock(other, LOCK_EX), 0);
    sweep("app", "");
    CHECK(scratch_has("app-5.so"));
    close(other);
    const unsigned files = open_files();
    sweep("app", "");
    CHECK(!scratch_has("app-5.so"));
    CHECK_EQ(open_files(), files);
    end();
}

int main(void)
{
    RUN(processes_that_come_at_once_get_one_file);
    RUN(a_file_that_is_being_swept_is_not_used);
    RUN(a_lock_of_others_on_the_file_is_no_hindrance);
    RUN(a_file_that_was_swept_is_made_anew);
    RUN(a_link_is_made_and_moved_in_one_step);
    RUN(a_link_that_can_not_be_is_told);
    RUN(a_sweep_takes_no_link_in_the_making);
    RUN(only_links_are_unlinked);
    RUN(unused_images_go_with_their_manifests);
    RUN(what_another_process_has_open_stays);
    RUN(what_was_put_there_for_good_stays);
    RUN(nothing_is_swept_under_the_lock_of_another);
    return check_finish();
}
