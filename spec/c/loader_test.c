/*
 * loader.h: loads, parts, links, generations, and the places that are tried one after another.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=memfd_create
#include "loader.h"

#include "check.h"
#include "fault.h"
#include "samples.h"
#include "scratch.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>

FAULT_ALLOCATIONS
FAULT_CALL(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1, EMFILE)

static struct rp_loader loader;
static unsigned retired_count;

/* Where each declaration of the last load was put. */
static struct {
    struct rp_image *image;
    uint32_t number;
} placed[SAMPLES_MAX];
static size_t placed_count;

static void note_place(void *context, size_t index, struct rp_image *image, uint32_t number)
{
    CHECK(context == &placed_count);
    CHECK_EQ(index, placed_count);
    placed[index].image = image;
    placed[index].number = number;
    placed_count++;
}

static void count_retired(void *context, struct rp_image *image)
{
    CHECK(context == &retired_count);
    CHECK_EQ(image->state, RP_IMAGE_RETIRED);
    retired_count++;
}

static enum rp_error load_into(const struct rp_declaration *declarations, size_t count,
                               const char *const *directories, size_t directory_count)
{
    const struct rp_load request = {.stem = "app",
                                    .declarations = declarations,
                                    .count = count,
                                    .site = RP_SITE_SAFE,
                                    .directories = directories,
                                    .directory_count = directory_count};
    placed_count = 0;
    return rp_loader_load(&loader, &request, note_place, &placed_count);
}

static enum rp_error load(const struct rp_declaration *declarations, size_t count)
{
    const char *const directories[] = {scratch};
    return load_into(declarations, count, directories, 1);
}

static bool retire(void)
{
    return rp_loader_retire_idle(&loader, count_retired, &retired_count);
}

static void begin(void)
{
    scratch_begin();
    retired_count = 0;
}

/* What a process never does: takes everything apart, so that what is lost on the way shows. */
static void end(void)
{
    for (struct rp_image *image = loader.images; image;) {
        struct rp_image *next = image->next;
        munmap(image->mapping.text, image->mapping.text_span + image->mapping.data_span);
        if (image->mapping.fd >= 0) {
            close(image->mapping.fd);
        }
        free(image->path);
        free(image->sites);
        free(image);
        image = next;
    }
    for (size_t i = 0; i < loader.attempt_count; i++) {
        free(loader.attempts[i].path);
    }
    loader = (struct rp_loader){0};
    scratch_end();
}

static void attach(struct rp_image *image, uint32_t number, uint16_t count)
{
    ((volatile uint16_t *)image->mapping.semaphores)[number] = count;
}

static void call(const struct rp_site *site)
{
    void (*function)(void);
    memcpy(&function, &site->address, sizeof function);
    function();
}

static const char *file_of(const struct rp_image *image)
{
    return strrchr(image->path, '/') + 1;
}

/* -- one load -- */

static void a_load_leaves_image_manifest_and_link(void)
{
    char manifest[128];
    begin();
    CHECK_EQ(load(samples(5, 2), 5), RP_OK);
    struct rp_image *image = loader.images;
    REQUIRE(image && !image->next);
    CHECK_EQ(placed_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK(placed[i].image == image && placed[i].number == i);
        call(&image->sites[i]);
        CHECK(image->sites[i].semaphore == image->mapping.semaphores + i);
    }
    CHECK_EQ(image->state, RP_IMAGE_CURRENT);
    char path[PATH_MAX];
    rp_image_path(image, path, sizeof path);
    CHECK_STR(path, image->path);
    CHECK_EQ(image->number, 1);
    CHECK_EQ(loader.loads, 1);
    CHECK_EQ(loader.attempt_count, 0);
    CHECK(image->path != NULL);
    CHECK_EQ(scratch_status(file_of(image)).st_mode & 07777, 0555);
    CHECK_EQ(scratch_status(file_of(image)).st_ino, image->mapping.inode);
    (void)snprintf(manifest, sizeof manifest, "%.*sjson", (int)strlen(file_of(image)) - 2,
                   file_of(image));
    CHECK_EQ(scratch_status(manifest).st_mode & 07777, 0444);
    CHECK_STR(scratch_target("app.so"), file_of(image));
    CHECK_EQ(scratch_count("", ""), 3);
    end();
}

static void the_same_load_again_changes_nothing(void)
{
    begin();
    CHECK_EQ(load(samples(5, 2), 5), RP_OK);
    struct rp_image *image = loader.images;
    const unsigned files = open_files();
    CHECK_EQ(load(samples(5, 2), 5), RP_OK);
    CHECK(loader.images == image && !image->next);
    CHECK(placed[4].image == image);
    CHECK_EQ(image->number, 1);
    CHECK_EQ(loader.loads, 2);
    CHECK(!retire());
    CHECK_EQ(retired_count, 0);
    CHECK_EQ(open_files(), files);
    end();
}

static void an_image_that_nobody_else_would_find_is_made_anew(void)
{
    begin();
    CHECK_EQ(load(samples(5, 2), 5), RP_OK);
    struct rp_image *first = loader.images;
    CHECK_EQ(unlink(first->path), 0);
    CHECK_EQ(load(samples(5, 2), 5), RP_OK);
    CHECK(loader.images != first);
    CHECK_EQ(first->state, RP_IMAGE_RETIRING);
    CHECK_EQ(loader.images->state, RP_IMAGE_CURRENT);
    CHECK(loader.images->mapping.inode == scratch_status(file_of(first)).st_ino);
    end();
}

static void what_can_not_be_built_is_told(void)
{
    struct rp_declaration bad = sample("p", "no name", 0);
    begin();
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    CHECK_EQ(load(&bad, 1), RP_NAME_INVALID);
    bad = sample("p", "n", 12);
    CHECK_EQ(load(&bad, 1), RP_ARGUMENTS);
    bad = sample("p", "n", 0);
    bad.group = 2;
    CHECK_EQ(load(&bad, 1), RP_GROUP);
    CHECK_EQ(loader.images->state, RP_IMAGE_CURRENT);
    CHECK_EQ(loader.loads, 1);
    CHECK_EQ(placed_count, 0);
    end();
}

/* -- generations -- */

static void an_older_generation_retires_when_its_tracers_are_gone(void)
{
    begin();
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    struct rp_image *old = loader.images;
    attach(old, 1, 1);
    CHECK_EQ(load(samples(4, 4), 4), RP_OK);
    CHECK_EQ(old->state, RP_IMAGE_RETIRING);
    CHECK(retire());
    CHECK_EQ(retired_count, 0);
    CHECK(!rp_loader_is_retired(&loader, &old->sites[2]));
    CHECK_EQ(mappings_of(old->path), 2);
    attach(old, 1, 0);
    CHECK(!retire());
    CHECK_EQ(retired_count, 1);
    CHECK(rp_loader_is_retired(&loader, &old->sites[2]));
    CHECK(!rp_loader_is_retired(&loader, &loader.images->sites[0]));
    CHECK_EQ(mappings_of(old->path), 0);
    CHECK_EQ(mappings_of(loader.images->path), 2);
    call(&old->sites[0]);
    CHECK_EQ(*old->sites[0].semaphore, 0);
    CHECK(!retire());
    CHECK_EQ(retired_count, 1);
    end();
}

static void a_site_of_no_image_is_retired(void)
{
    struct rp_site stray = {0};
    begin();
    CHECK(rp_loader_is_retired(&loader, &stray));
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    CHECK(rp_loader_is_retired(&loader, &stray));
    CHECK(rp_loader_is_retired(&loader, loader.images->sites + 3));
    end();
}

static void going_back_finds_the_older_generation_again(void)
{
    begin();
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    struct rp_image *first = loader.images;
    CHECK_EQ(load(samples(4, 4), 4), RP_OK);
    struct rp_image *second = loader.images;
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    CHECK(loader.images == second && second->next == first && !first->next);
    CHECK_EQ(first->state, RP_IMAGE_CURRENT);
    CHECK_EQ(second->state, RP_IMAGE_RETIRING);
    CHECK(placed[0].image == first);
    CHECK_STR(scratch_target("app.so"), file_of(first));
    CHECK(!retire());
    CHECK_EQ(second->state, RP_IMAGE_RETIRED);
    CHECK_EQ(load(samples(4, 4), 4), RP_OK);
    CHECK(loader.images != second); /* once retired it is never found again */
    CHECK_EQ(loader.images->number, 4);
    end();
}

static void flip_flops_leave_two_mappings_and_no_descriptor_behind(void)
{
    begin();
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    const unsigned files = open_files();
    for (uint32_t i = 0; i < 40; i++) {
        CHECK_EQ(load(samples(3 + i % 2, 5), 3 + i % 2), RP_OK);
        CHECK(!retire());
        CHECK_EQ(open_files(), files);
        CHECK_EQ(mappings_of(scratch), 2);
    }
    CHECK_EQ(scratch_count("", "app-"), 4); /* the newest, and the one that was there before it */
    end();
}

static void an_empty_load_retires_everything(void)
{
    begin();
    CHECK_EQ(load(NULL, 0), RP_OK);
    CHECK_EQ(loader.loads, 1);
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    CHECK_EQ(load(NULL, 0), RP_OK);
    CHECK_EQ(loader.images->state, RP_IMAGE_RETIRING);
    CHECK(!retire());
    CHECK_EQ(mappings_of(scratch), 0);
    end();
}

/* -- parts -- */

static void many_probes_make_several_images_of_whole_providers(void)
{
    begin();
    CHECK_EQ(load(samples(4500, 700), 4500), RP_OK);     /* 6 providers of 700, one of 300 */
    static const uint32_t counts[] = {1400, 1400, 1700}; /* two, two, two and the small one */
    struct rp_image *image = loader.images;
    for (int i = 2; i >= 0; i--, image = image->next) {
        REQUIRE(image != NULL);
        CHECK_EQ(image->mapping.layout.count, counts[i]);
    }
    CHECK(image == NULL);
    CHECK_EQ(placed_count, 4500);
    CHECK(placed[0].image != placed[1400].image && placed[1399].image == placed[0].image);
    CHECK_EQ(placed[2800].number, 0);
    CHECK_STR(scratch_target("app.so"), file_of(placed[0].image));
    CHECK_STR(scratch_target("app2.so"), file_of(placed[1400].image));
    CHECK_STR(scratch_target("app3.so"), file_of(placed[2800].image));
    end();
}

static void a_provider_is_never_split(void)
{
    begin();
    CHECK_EQ(load(samples(2500, 2500), 2500), RP_OK);
    CHECK(loader.images && !loader.images->next);
    CHECK_EQ(load(samples(4002, 2001), 4002), RP_OK);
    CHECK_EQ(placed[2000].number, 2000);
    CHECK_EQ(placed[2001].number, 0);
    end();
}

static void two_thousand_fit_in_one(void)
{
    begin();
    CHECK_EQ(load(samples(2000, 1000), 2000), RP_OK);
    CHECK(loader.images && !loader.images->next);
    CHECK_EQ(load(samples(2001, 1000), 2001), RP_OK);
    CHECK_STR(scratch_target("app2.so"), file_of(placed[2000].image));
    end();
}

static void links_of_parts_that_are_no_more_go(void)
{
    begin();
    CHECK_EQ(symlink("elsewhere", scratch_path("app40.so")), 0);
    scratch_write("app4.so", "no link", 7, 0600);
    CHECK_EQ(load(samples(4500, 700), 4500), RP_OK);
    CHECK(*scratch_target("app3.so"));
    CHECK_EQ(load(samples(10, 10), 10), RP_OK);
    CHECK_STR(scratch_target("app.so"), file_of(loader.images));
    CHECK(!scratch_has("app2.so") && !scratch_has("app3.so"));
    CHECK(scratch_has("app4.so"));
    CHECK(scratch_has("app40.so"));
    end();
}

/* A part that stays the same keeps its image, whatever becomes of the others. */
static void parts_that_stay_are_kept(void)
{
    begin();
    CHECK_EQ(load(samples(2800, 700), 2800), RP_OK);
    struct rp_image *first = placed[0].image;
    CHECK_EQ(load(samples(2100, 700), 2100), RP_OK);
    CHECK(placed[0].image == first);
    CHECK_EQ(first->state, RP_IMAGE_CURRENT);
    CHECK(!retire());
    CHECK_EQ(retired_count, 1);
    end();
}

/* -- places -- */

static void directories_are_tried_in_order(void)
{
    begin();
    scratch_write("file", "", 0, 0600);
    scratch_directory("loose", 0777);
    scratch_directory("good", 0755);
    const char *const directories[] = {scratch_path("file"), scratch_path("loose"),
                                       scratch_path("good"), scratch_path("unneeded")};
    CHECK_EQ(load_into(samples(3, 3), 3, directories, 4), RP_OK);
    REQUIRE(loader.attempt_count == 2);
    CHECK_STR(loader.attempts[0].path, directories[0]);
    CHECK_EQ(loader.attempts[0].error, RP_DIRECTORY_TYPE);
    CHECK_EQ(loader.attempts[0].system_error, ENOTDIR);
    CHECK_STR(loader.attempts[1].path, directories[1]);
    CHECK_EQ(loader.attempts[1].error, RP_DIRECTORY_MODE);
    CHECK_EQ(loader.attempts[1].system_error, 0);
    CHECK_EQ(scratch_count("good", ""), 3);
    CHECK(!scratch_has("unneeded")); /* nothing is made that takes no image */
    CHECK_EQ(load_into(samples(3, 3), 3, directories, 4), RP_OK);
    CHECK_EQ(loader.attempt_count, 0);
    end();
}

static void the_last_resort_is_a_memory_file(void)
{
    char byte = 0;
    char path[64];
    char expected[64];
    begin();
    CHECK_EQ(load_into(samples(3, 3), 3, NULL, 0), RP_OK);
    struct rp_image *image = loader.images;
    REQUIRE(image != NULL);
    CHECK(!image->path);
    rp_image_path(image, path, sizeof path);
    (void)snprintf(expected, sizeof expected, "/proc/%ld/fd/%d", (long)getpid(), image->mapping.fd);
    CHECK_STR(path, expected);
    CHECK_EQ(mappings_of("memfd:app-"), 2);
    CHECK_EQ(write(image->mapping.fd, &byte, 1), -1); /* sealed */
    CHECK_EQ(ftruncate(image->mapping.fd, 0), -1);
    call(&image->sites[0]);
    CHECK_EQ(load_into(samples(3, 3), 3, NULL, 0), RP_OK);
    CHECK(loader.images == image);
    CHECK_EQ(load_into(NULL, 0, NULL, 0), RP_OK);
    CHECK(!retire());
    CHECK_EQ(mappings_of("memfd:app-"), 0);
    end();
}

static void nowhere_leaves_what_was_there(void)
{
    begin();
    scratch_directory("loose", 0777);
    const char *const directories[] = {scratch_path("loose")};
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    struct rp_image *image = loader.images;
    fault_begin_for_good(&fault_system, 1);
    CHECK_EQ(load_into(samples(4, 4), 4, directories, 1), RP_NOWHERE);
    CHECK(fault_end(&fault_system));
    REQUIRE(loader.attempt_count == 2);
    CHECK_EQ(loader.attempts[0].error, RP_DIRECTORY_MODE);
    CHECK_STR(loader.attempts[1].path, "memory");
    CHECK_EQ(loader.attempts[1].error, RP_MEMFD);
    CHECK_EQ(loader.attempts[1].system_error, EMFILE);
    CHECK(loader.images == image);
    CHECK_EQ(image->state, RP_IMAGE_CURRENT);
    CHECK_EQ(placed_count, 0);
    end();
}

static void a_load_that_fails_halfway_changes_nothing(void)
{
    begin();
    const char *const directories[] = {scratch};
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    struct rp_image *image = loader.images;
    struct rp_declaration *declarations = (struct rp_declaration *)samples(2800, 700);
    declarations[2799].name = "no name"; /* in the second part */
    CHECK_EQ(load_into(declarations, 2800, directories, 1), RP_NAME_INVALID);
    CHECK_EQ(image->state, RP_IMAGE_CURRENT);
    CHECK_EQ(loader.images->state, RP_IMAGE_RETIRING);
    CHECK_STR(scratch_target("app.so"), file_of(image));
    CHECK(!retire());
    CHECK_EQ(retired_count, 1);
    CHECK_EQ(mappings_of(scratch), 2);
    end();
}

static int load_with_limit(void *context)
{
    const struct rlimit limit = {4096, 4096};
    (void)context;
    return setrlimit(RLIMIT_FSIZE, &limit) || load(samples(3, 3), 3) != RP_NOWHERE ||
           loader.attempt_count != 2 || loader.attempts[0].error != RP_FILE_LIMIT ||
           loader.attempts[1].error != RP_FILE_LIMIT || loader.attempts[1].system_error != EFBIG;
}

static void a_limit_on_files_holds_for_memory_files_too(void)
{
    begin();
    CHECK_EQ(in_child(load_with_limit, NULL), 0);
    CHECK_EQ(scratch_count("", ""), 0);
    end();
}

static void more_places_than_are_remembered_do_no_harm(void)
{
    const char *directories[RP_ATTEMPTS_MAX + 4];
    begin();
    const char *loose = scratch_directory("loose", 0777);
    for (int i = 0; i < RP_ATTEMPTS_MAX + 4; i++) {
        directories[i] = loose;
    }
    CHECK_EQ(load_into(samples(3, 3), 3, directories, RP_ATTEMPTS_MAX + 4), RP_OK);
    CHECK_EQ(loader.attempt_count, RP_ATTEMPTS_MAX);
    CHECK(!loader.images->path);
    end();
}

static void images_in_use_survive_the_sweep_of_others(void)
{
    struct rp_loader other = {0};
    begin();
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    char kept[128];
    (void)snprintf(kept, sizeof kept, "%s", file_of(loader.images));
    scratch_write("app-0123456789abcdef.so", "stale", 5, 0555);
    struct rp_loader first = loader;
    loader = other; /* as another process does, with descriptors of its own */
    CHECK_EQ(load(samples(4, 4), 4), RP_OK);
    CHECK(scratch_has(kept));
    CHECK(!scratch_has("app-0123456789abcdef.so"));
    other = loader;
    loader = first;
    CHECK_EQ(load(NULL, 0), RP_OK);
    CHECK(!retire());
    first = loader;
    loader = other;
    CHECK_EQ(load(samples(4, 4), 4), RP_OK);
    CHECK(!scratch_has(kept));
    first.images->next = loader.images; /* for end() to take apart */
    loader.images = first.images;
    end();
}

/* -- failures -- */

static void without_memory_a_load_fails_clean_or_gets_through(void)
{
    unsigned failures = 0;
    begin();
    const unsigned files = open_files();
    end();
    for (unsigned n = 1; fault_in(&fault_allocation, n); n++) {
        begin();
        enum rp_error error = load(samples(30, 10), 30);
        failures += fault_end(&fault_allocation);
        CHECK(error == RP_OK || error == RP_MEMORY || error == RP_NOWHERE);
        CHECK_EQ(placed_count, error ? 0 : 30);
        CHECK_EQ(loader.images != NULL, error == RP_OK);
        CHECK_EQ(scratch_count("", ".railprobe-"), 0);
        end();
        CHECK_EQ(open_files(), files);
    }
    CHECK(failures > 10);
    begin();
    fault_begin_for_good(&fault_allocation, 8);
    CHECK(load(samples(30, 10), 30) != RP_OK);
    CHECK(fault_end(&fault_allocation));
    end();
}

static int load_the_same(void *context)
{
    struct rp_image *inherited = loader.images;
    (void)context;
    rp_loader_after_fork_in_child(&loader);
    return load(samples(3, 3), 3) == RP_OK && loader.images == inherited && !inherited->next &&
                   mappings_of(scratch) == 2
               ? 0
               : 1;
}

static void a_child_has_the_images_of_its_parent(void)
{
    begin();
    CHECK_EQ(load(samples(3, 3), 3), RP_OK);
    CHECK_EQ(in_child(load_the_same, NULL), 0);
    CHECK_EQ(loader.images->state, RP_IMAGE_CURRENT);
    end();
}

int main(void)
{
    RUN(a_load_leaves_image_manifest_and_link);
    RUN(the_same_load_again_changes_nothing);
    RUN(an_image_that_nobody_else_would_find_is_made_anew);
    RUN(what_can_not_be_built_is_told);
    RUN(an_older_generation_retires_when_its_tracers_are_gone);
    RUN(a_site_of_no_image_is_retired);
    RUN(going_back_finds_the_older_generation_again);
    RUN(flip_flops_leave_two_mappings_and_no_descriptor_behind);
    RUN(an_empty_load_retires_everything);
    RUN(many_probes_make_several_images_of_whole_providers);
    RUN(a_provider_is_never_split);
    RUN(two_thousand_fit_in_one);
    RUN(links_of_parts_that_are_no_more_go);
    RUN(parts_that_stay_are_kept);
    RUN(directories_are_tried_in_order);
    RUN(the_last_resort_is_a_memory_file);
    RUN(nowhere_leaves_what_was_there);
    RUN(a_load_that_fails_halfway_changes_nothing);
    RUN(a_limit_on_files_holds_for_memory_files_too);
    RUN(more_places_than_are_remembered_do_no_harm);
    RUN(images_in_use_survive_the_sweep_of_others);
    RUN(without_memory_a_load_fails_clean_or_gets_through);
    RUN(a_child_has_the_images_of_its_parent);
    return check_finish();
}
