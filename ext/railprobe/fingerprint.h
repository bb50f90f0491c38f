/*
 * The shape of an SQL text as a number: the same for two texts that differ in their values only.
 *
 *   SELECT "users".* FROM "users" WHERE "users"."id" IN (1, 2, 3) LIMIT 1 -- index
 *   select "users".* from "users" where "users"."id" in ($1) limit $2
 *
 * What does not count:
 *   values       strings ('it''s', 'it\'s', E'..', X'..', N'..', U&'..', $$..$$, $tag$..$tag$),
 *                numbers with their sign, TRUE, FALSE and NULL (except after IS and NOT), DEFAULT in a
 *                list, and the places of bound values: ?, ?1, $1, $name, :name, @name
 *   lengths      within parentheses and brackets, an element equal to the one before it, between
 *                commas or ORs: IN (1, 2), ((1, 2), (3, 4)), ("a" = 1 OR "a" = 2); and after VALUES
 *                all rows but the first
 *   layout       spaces, comments (--, #, and those of C, in which MySQL's hints are), a last semicolon
 *   names        those of savepoints (SAVEPOINT active_record_1)
 *   case         of keywords and of names without quotes
 * What does: names in quotes ("x", `x`, [x]), as they are written; and all the rest.
 *
 * One text can mean two things in two dialects, and the dialect is not told. What was read before
 * decides: a name in backquotes means MySQL, where a backslash escapes a quote, "x" is a string and #
 * begins a comment; one in double quotes, or $1, means that none of this holds. Before either, a quote
 * behind a backslash ends the string if a space, a bracket, a comma or the like follows. That is a guess,
 * as is the # of a text without any quoted name; Active Record quotes names, and leaves nothing to guess.
 */
#ifndef RAILPROBE_FINGERPRINT_H
#define RAILPROBE_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

/* What is read of a text: a longer one has the fingerprint of its beginning. */
#define RP_FINGERPRINT_BYTES_MAX 65536

/* Parentheses deeper than this are read as any other character, and their lists count as written. */
#define RP_FINGERPRINT_DEPTH_MAX 24

/*
 * The fingerprint of size bytes at sql, in any encoding that has ASCII in it; they may be cut anywhere and
 * hold anything. 0 for a text of which nothing counts (empty, spaces, a comment), and only for one.
 * One pass, no allocation, no lock, any thread; 1 to 2.5 ns a byte, 5 where every other one is a comma: 0.35 ms
 * at most.
 *
 * The numbers are made to tell the shapes of an app apart, not to withstand somebody who makes two texts collide.
 * They are the same in all processes of a version of this library, and may be others in the next.
 */
uint64_t rp_fingerprint(const char *sql, size_t size);

#endif
