/*
 * libyaml's complaints in words that help: where, what, and what to write instead.
 */
#ifndef RAILPROBE_YAML_PROBLEM_H
#define RAILPROBE_YAML_PROBLEM_H

#include "diagnostic.h"

#include <yaml.h>

/*
 * Adds to errors what stopped parser in text of size bytes. Does nothing when it was memory that
 * ran out; parser->error tells. O(size).
 */
void rp_yaml_problem_add(const yaml_parser_t *parser, const char *text, size_t size,
                         struct rp_diagnostics *errors);

#endif
