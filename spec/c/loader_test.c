/*
 * loader.h: loads, parts, links, generations, and the places that are tried one after another.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=memfd_create
#include "loader_stage.h"

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
    bad.group = RP_GROUP_MAX + 1;
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
    return check_finish();
}
