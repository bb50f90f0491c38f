/*
 * loader.h: the parts of a large load, the places that are tried one after another, and calls that fail.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=memfd_create
#include "loader_stage.h"

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
