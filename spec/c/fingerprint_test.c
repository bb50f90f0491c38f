/*
 * Fingerprints of SQL as Active Record writes it for PostgreSQL, MySQL and SQLite, and as people do. The texts
 * of a group have one fingerprint, and no two groups share one: every pair of the table is looked at.
 */
#include "fingerprint.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX 512

/* A NULL ends a group. */
static const char *const table[] = {
    /* what Active Record loads, by dialect, with and without prepared statements */
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = $1 LIMIT $2",
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = 1 LIMIT 1",
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = ? LIMIT ?",
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = -70000 LIMIT 1",
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = 'a3f1-77' LIMIT 1",
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = NULL LIMIT 1",
    "select \"users\".* from \"users\" where \"users\".\"id\"=1 limit 1;",
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = $1 LIMIT $2 "
    "/*application:Shop,action:a*/",
    "/* app='shop' */ SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = $1 LIMIT $2",
    "SELECT \"users\".* FROM \"users\"\n\tWHERE \"users\".\"id\" = 5 -- the owner's\nLIMIT 1\r\n",
    "SELECT/**/\"users\".*FROM\"users\"WHERE\"users\".\"id\"=:id LIMIT @p1",
    NULL,
    "SELECT `users`.* FROM `users` WHERE `users`.`id` = 1 LIMIT 1",
    "SELECT `users`.* FROM `users` WHERE `users`.`id` = 22 LIMIT 1 /* controller:users */",
    "SELECT /*+ MAX_EXECUTION_TIME(50) */ `users`.* FROM `users` WHERE `users`.`id` = 'x' LIMIT 1",
    "SELECT `users`.* FROM `users` WHERE `users`.`id` = \"x\" LIMIT 1 # the first",
    "SELECT `users`.* FROM `users` WHERE `users`.`id` = 'it\\'s' LIMIT 1",
    "SELECT `users`.* FROM `users` WHERE `users`.`id` = 'a\\\\' LIMIT 1",
    "SELECT `users`.* FROM `users` WHERE `users`.`id` = 'a\\\\\\' -- b' LIMIT 1",
    NULL,
    "SELECT [users].* FROM [users] WHERE [users].[id] = @0 LIMIT 1",
    "SELECT [users].* FROM [users] WHERE [users].[id] = N'Zo''e' LIMIT 1",
    NULL,
    "SELECT users.* FROM users WHERE users.id = 1 LIMIT 1",
    "SELECT USERS.* FROM Users WHERE users.ID = 1 LIMIT 1",
    NULL,
    "SELECT \"Users\".* FROM \"users\" WHERE \"users\".\"id\" = $1 LIMIT $2",
    NULL,
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = $1",
    NULL,
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" IS NULL LIMIT $2",
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" is null LIMIT 3",
    NULL,
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" IS NOT NULL LIMIT $2",
    NULL,
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" IS TRUE LIMIT $2",
    NULL,
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" != $1 LIMIT $2",
    NULL,
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = $1 ORDER BY \"users\".\"id\" LIMIT "
    "$2",
    NULL,
    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id2\" = $1 LIMIT $2",
    NULL,

    /* lists */
    "SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"id\" IN (1, 2, 3)",
    "SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"id\" IN (1)",
    "SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"id\" IN ($1, $2)",
    "SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"id\" IN (-1,+2 , 'x', 1e9, NULL, 0xFF, "
    "TRUE)",
    "SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"id\" IN (1, /* two */ 2)",
    "SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"id\" IN (NULL)",
    NULL,
    "SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"id\" NOT IN (1, 2, 3)",
    NULL,
    "SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"id\" IN (1, \"posts\".\"other\")",
    "SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"id\" IN (1, 2, \"posts\".\"other\")",
    NULL,
    "SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"id\" IN ()",
    NULL,
    "SELECT 1 AS one FROM t WHERE (a, b) IN ((1, 2), (3, 4))",
    "SELECT 1 AS one FROM t WHERE (a, b) IN ((1, 2))",
    "SELECT 1 AS one FROM t WHERE (a, b) IN (($1, $2), ($3, $4), ($5, $6))",
    NULL,
    "SELECT * FROM t WHERE (\"a\" = 1 AND \"b\" = 2 OR \"a\" = 3 AND \"b\" = 4)",
    "SELECT * FROM t WHERE (\"a\" = 1 AND \"b\" = 2 OR \"a\" = 3 AND \"b\" = 4 OR \"a\" = 5 AND "
    "\"b\" = 6)",
    "SELECT * FROM t WHERE (\"a\" = 1 AND \"b\" = 2)",
    NULL,
    "SELECT * FROM t WHERE (\"a\" = 1 OR \"b\" = 2)",
    NULL,
    "SELECT * FROM t WHERE (\"a\" = 1 AND \"a\" = 2)",
    NULL,
    "SELECT * FROM t WHERE x = ANY(ARRAY[1, 2, 3])",
    "SELECT * FROM t WHERE x = ANY(ARRAY[1])",
    NULL,
    "SELECT * FROM t WHERE x && ARRAY[[1, 2], [3, 4]]",
    "SELECT * FROM t WHERE x && ARRAY[[1, 2]]",
    NULL,
    "SELECT a[1] FROM t",
    "SELECT a[2] FROM t",
    NULL,
    "SELECT a[i] FROM t",
    NULL,

    /* rows */
    "INSERT INTO \"tags\" (\"name\", \"n\") VALUES ('a', 1), ('b', 2) RETURNING \"id\"",
    "INSERT INTO \"tags\" (\"name\", \"n\") VALUES ('a', NULL) RETURNING \"id\"",
    "INSERT INTO \"tags\" (\"name\", \"n\") VALUES ($1, $2) RETURNING \"id\"",
    "INSERT INTO \"tags\" (\"name\", \"n\") VALUES (DEFAULT, 1), (2, 3), (4, DEFAULT) RETURNING "
    "\"id\"",
    "INSERT INTO \"tags\" (\"name\", \"n\") VALUES ('a', 1), (upper('b'), (1 + 2)) RETURNING "
    "\"id\"",
    NULL,
    "INSERT INTO \"tags\" (\"name\", \"n\") VALUES ('a', 1)",
    "INSERT INTO \"tags\" (\"name\", \"n\") VALUES ('a', 1), ('b', 2);",
    NULL,
    "INSERT INTO \"tags\" (\"name\") VALUES ('a')",
    NULL,
    "INSERT INTO \"tags\" (\"name\", \"n\") VALUES ('a', CURRENT_TIMESTAMP)",
    "INSERT INTO \"tags\" (\"name\", \"n\") VALUES ('a', CURRENT_TIMESTAMP), ('b', "
    "CURRENT_TIMESTAMP)",
    NULL,
    "INSERT INTO \"tags\" DEFAULT VALUES RETURNING \"id\"",
    NULL,
    "INSERT INTO `t` (`a`,`b`) VALUES (1,2) ON DUPLICATE KEY UPDATE `a`=VALUES(`a`), "
    "`b`=VALUES(`b`)",
    "INSERT INTO `t` (`a`,`b`) VALUES (1,2), (3,4) ON DUPLICATE KEY UPDATE "
    "`a`=VALUES(`a`),`b`=VALUES(`b`)",
    NULL,
    "INSERT INTO `t` (`a`,`b`) VALUES (1,2) ON DUPLICATE KEY UPDATE `a`=VALUES(`a`), "
    "`c`=VALUES(`c`)",
    NULL,
    "SELECT * FROM (VALUES (1, 2), (3, 4)) AS t (a, b)",
    "SELECT * FROM (VALUES (1, 2)) AS t (a, b)",
    NULL,

    /* updates: a sign is part of a number, or subtracts */
    "UPDATE \"posts\" SET \"n\" = COALESCE(\"posts\".\"n\", 0) + 1 WHERE \"posts\".\"id\" = 5",
    "UPDATE \"posts\" SET \"n\" = COALESCE(\"posts\".\"n\", 0) + 23 WHERE \"posts\".\"id\" = 6",
    "UPDATE \"posts\" SET \"n\" = COALESCE(\"posts\".\"n\",0)+23 WHERE \"posts\".\"id\" = 6",
    NULL,
    "UPDATE \"posts\" SET \"n\" = COALESCE(\"posts\".\"n\", 0) - 1 WHERE \"posts\".\"id\" = 5",
    "UPDATE \"posts\" SET \"n\" = COALESCE(\"posts\".\"n\", 0) -1 WHERE \"posts\".\"id\" = 5",
    NULL,
    "SELECT n - 1 FROM t",
    "SELECT n -1 FROM t",
    "SELECT n-1 FROM t",
    "SELECT n - -1 FROM t",
    NULL,
    "SELECT -1 FROM t LIMIT -1 OFFSET 5",
    "SELECT +.5 FROM t LIMIT 10 OFFSET -5",
    "SELECT .5e-3 FROM t LIMIT 1.5E+3 OFFSET 1_000",
    "SELECT 0x1Fe FROM t LIMIT 12e3 OFFSET 1.",
    NULL,
    "SELECT CASE WHEN a BETWEEN -1 AND -2 THEN -3 ELSE -4 END",
    "SELECT CASE WHEN a BETWEEN 10 AND 20 THEN 30 ELSE 40 END",
    NULL,
    "UPDATE t SET a = TRUE, b = NULL, c = 'x', d = DEFAULT",
    "UPDATE t SET a = FALSE, b = 5, c = E'x\\'y', d = 1",
    NULL,
    "DELETE FROM t WHERE NOT NULL",
    NULL,

    /* strings */
    "SELECT * FROM \"t\" WHERE a = 'it''s' AND b = 'C:\\' AND c = '-- no comment /*'",
    "SELECT * FROM \"t\" WHERE a = '' AND b = '''' AND c = '\"'",
    "SELECT * FROM \"t\" WHERE a = E'it\\'s' AND b = e'\\\\' AND c = x'ff'",
    "SELECT * FROM \"t\" WHERE a = $$it's$$ AND b = $a$ $$ $b$ $a$ AND c = U&'\\0061'",
    "SELECT * FROM \"t\" WHERE a = B'101' AND b = n'x' AND c = '\xc3\xa9\xf0\x9f\x98\x80'",
    NULL,
    "SELECT * FROM t WHERE a = 'it\\'s' AND b = 'C:\\' AND c = 'x'",
    "SELECT * FROM t WHERE a = 'its' AND b = 'C:' AND c = 'x'",
    NULL,
    "SELECT date '2024-01-01', x 'y'",
    "SELECT date'2025-12-31', x 'z'",
    NULL,
    "SELECT 'a' 'b'",
    NULL,
    "SELECT _utf8mb4'a' COLLATE utf8mb4_bin",
    "SELECT _utf8mb4 'b' COLLATE utf8mb4_bin",
    NULL,
    "SELECT \"a\"\"b\" FROM t",
    NULL,
    "SELECT \"a\" \"b\" FROM t",
    NULL,
    "SELECT `a``b` FROM t",
    NULL,

    /* operators that look like something else */
    "SELECT \"a\"::text, \"b\" :: text FROM t",
    "SELECT \"a\" :: text, \"b\"::text FROM t",
    NULL,
    "SELECT \"a\" #> '{x}', \"b\" # 1 FROM t",
    "SELECT \"a\" #> '{y,z}', \"b\" # 200 FROM t",
    NULL,
    "SELECT \"a\" #>> '{x}', \"b\" # 1 FROM t",
    NULL,
    "SELECT \"a\" ->> 'x' FROM t WHERE \"b\" @> '{}' AND \"c\" <@ARRAY[1] AND d @@ to_tsquery('x')",
    "SELECT \"a\" ->> 'y' FROM t WHERE \"b\" @> '{1}' AND \"c\" <@ARRAY[2,3] AND d @@ "
    "to_tsquery('y')",
    NULL,
    "SELECT \"a\" -> 'x' FROM t WHERE \"b\" @> '{}' AND \"c\" <@ARRAY[1] AND d @@ to_tsquery('x')",
    NULL,
    "SELECT `a` FROM t WHERE b = 5--1",
    "SELECT `a` FROM t WHERE b = 6--2",
    NULL,
    "SELECT `a` FROM t WHERE b = 5 -- 1",
    "SELECT `a` FROM t WHERE b = 5 --",
    "SELECT `a` FROM t WHERE b = 5 # 1",
    NULL,
    "SET @@SESSION.sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
    "SET @@session.sql_mode = concat(@@sql_mode, ',OTHER')",
    NULL,
    "SET @@SESSION.wait_timeout = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
    NULL,
    "SET @a := 1",
    "SET @b := 2",
    NULL,

    /* transactions */
    "BEGIN",
    "begin;",
    NULL,
    "COMMIT",
    NULL,
    "BEGIN; COMMIT",
    "BEGIN ;\n COMMIT;",
    NULL,
    "BEGIN COMMIT",
    NULL,
    "SAVEPOINT active_record_1",
    "savepoint active_record_22",
    "SAVEPOINT \"active_record_3\"",
    NULL,
    "RELEASE SAVEPOINT active_record_1",
    "RELEASE SAVEPOINT active_record_2",
    NULL,
    "ROLLBACK TO SAVEPOINT active_record_1",
    "ROLLBACK TO SAVEPOINT active_record_2",
    NULL,

    /* names with digits are names, eager loading's above all */
    "SELECT \"a\".\"id\" AS t0_r0, \"a\".\"n\" AS t0_r1 FROM \"a\"",
    NULL,
    "SELECT \"a\".\"id\" AS t0_r0, \"a\".\"n\" AS t0_r2 FROM \"a\"",
    NULL,
    "SELECT address1 FROM t",
    NULL,
    "SELECT address2 FROM t",
    NULL,
    "SELECT a_name_of_more_than_sixteen_letters FROM t",
    "SELECT A_NAME_OF_MORE_THAN_SIXTEEN_LETTERS FROM t",
    NULL,
    "SELECT a_name_of_more_than_sixteen_letterz FROM t",
    NULL,
    "SELECT b_name_of_more_than_sixteen_letters FROM t",
    NULL,
    "SELECT b_name_\xc3\xa9 FROM t",
    NULL,

    /* the order of things */
    "SELECT a, b FROM t",
    NULL,
    "SELECT b, a FROM t",
    NULL,
    "SELECT (a, b) FROM t",
    NULL,
    "SELECT a, (b) FROM t",
    NULL,
    "SELECT (a), b FROM t",
    NULL,
    "SELECT ((a)), b FROM t",
    NULL,
    "SELECT [1] FROM t",
    NULL,
    "SELECT (1) FROM t",
    NULL,
    "SELECT f(1) FROM t",
    "SELECT f(2) FROM t",
    NULL,
    "SELECT f() FROM t",
    NULL,
};

static void texts_are_told_apart_by_their_shape(void)
{
    uint64_t hashes[TEXTS_MAX];
    size_t count = sizeof table / sizeof *table;
    REQUIRE(count <= TEXTS_MAX);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = table[i] ? rp_fingerprint(table[i], strlen(table[i])) : 0;
        CHECK(!table[i] || hashes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        bool same_group = true;
        for (size_t j = i + 1; table[i] && j < count; j++) {
            same_group = same_group && table[j];
            if (table[j] && (hashes[i] == hashes[j]) != same_group) {
                CHECK_STR(table[j], table[i]);
            }
        }
    }
}

static void where_nothing_counts_it_is_zero(void)
{
    static const char *const empty[] = {"",      " \t\r\n\f\v", "/* a */", "/* open", "-- a\n--b",
                                        "# all", ";",           " ; ;",    "/*/",     "/***/"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        CHECK_EQ(rp_fingerprint(empty[i], strlen(empty[i])), 0);
    }
    CHECK_EQ(rp_fingerprint(NULL, 0), 0);
    CHECK(rp_fingerprint("/***/a", 6) != 0);
    CHECK(rp_fingerprint("\0", 1) != 0);
}

/* Each prefix lies in memory of its own, so that reading on is a fault. */
static void a_text_may_be_cut_anywhere(void)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t length = table[i] ? strlen(table[i]) : 0;
        for (size_t size = 1; size <= length; size++) {
            char *copy = malloc(size);
            REQUIRE(copy);
            memcpy(copy, table[i], size);
            CHECK_EQ(rp_fingerprint(copy, size), rp_fingerprint(table[i], size));
            free(copy);
        }
    }
}

static void a_cut_value_is_a_value(void)
{
    static const char *const cuts[] = {
        "SELECT * FROM \"t\" WHERE a IN (1, 2",  "SELECT * FROM \"t\" WHERE a IN (1",
        "SELECT * FROM \"t\" WHERE a IN ('x",    "SELECT * FROM \"t\" WHERE a IN (1, 'x''",
        "SELECT * FROM \"t\" WHERE a IN (1, ",   "SELECT * FROM \"t\" WHERE a IN (1,2,3,-4.",
        "SELECT * FROM \"t\" WHERE a IN ($$a $", "SELECT * FROM \"t\" WHERE a IN (1, $tag$ $tag",
        "SELECT * FROM \"t\" WHERE a IN (1 /*",  "SELECT * FROM \"t\" WHERE a IN (1, 2)",
    };
    for (size_t i = 1; i < sizeof cuts / sizeof *cuts; i++) {
        CHECK_EQ(rp_fingerprint(cuts[i], strlen(cuts[i])),
                 rp_fingerprint(cuts[0], strlen(cuts[0])));
    }
}

/* Parentheses in any number, closed or not, and what is in them. */
static void depth_has_a_limit_and_no_cost(void)
{
    enum { DEEP = 4 * RP_FINGERPRINT_DEPTH_MAX };
    char text[2 * DEEP + 3];
    uint64_t last = 0;
    for (size_t depth = 0; depth <= DEEP; depth++) {
        memset(text, '(', depth);
        text[depth] = 'a';
        memset(text + depth + 1, ')', depth);
        uint64_t closed = rp_fingerprint(text, 2 * depth + 1);
        CHECK(closed && closed != last);
        last = closed;
        text[2 * depth + 1] = 'b';
        CHECK(rp_fingerprint(text, 2 * depth + 2) != closed);
    }
    memset(text, ')', DEEP);
    CHECK(rp_fingerprint(text, DEEP) != rp_fingerprint(text, DEEP - 1));
}

static void what_is_too_long_has_the_fingerprint_of_its_beginning(void)
{
    size_t size = RP_FINGERPRINT_BYTES_MAX + 100;
    char *text = malloc(size);
    REQUIRE(text);
    memset(text, 'a', size);
    uint64_t hash = rp_fingerprint(text, RP_FINGERPRINT_BYTES_MAX);
    CHECK_EQ(rp_fingerprint(text, size), hash);
    CHECK(rp_fingerprint(text, RP_FINGERPRINT_BYTES_MAX - 1) != hash);
    free(text);
}

static int by_value(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

/* A hash that forgot something would not keep a million similar shapes apart. */
static void similar_shapes_do_not_meet(void)
{
    enum { SHAPES = 1 << 20, NAMES = 1 << 10 };
    uint64_t *hashes = calloc(SHAPES, sizeof *hashes);
    REQUIRE(hashes);
    for (unsigned i = 0; i < SHAPES; i++) {
        char text[96];
        int size = snprintf(text, sizeof text, "SELECT a%x FROM \"t%x\" WHERE id = %u", i / NAMES,
                            i % NAMES, i);
        hashes[i] = rp_fingerprint(text, (size_t)size);
    }
    qsort(hashes, SHAPES, sizeof *hashes, by_value);
    unsigned met = 0;
    for (unsigned i = 1; i < SHAPES; i++) {
        met += hashes[i] == hashes[i - 1];
    }
    CHECK_EQ(met, 0);
    free(hashes);
}

int main(void)
{
    RUN(texts_are_told_apart_by_their_shape);
    RUN(where_nothing_counts_it_is_zero);
    RUN(a_text_may_be_cut_anywhere);
    RUN(a_cut_value_is_a_value);
    RUN(depth_has_a_limit_and_no_cost);
    RUN(what_is_too_long_has_the_fingerprint_of_its_beginning);
    RUN(similar_shapes_do_not_meet);
    return check_finish();
}
