# frozen_string_literal: true

# Makes the Makefile of the engine, or an empty one where probes cannot exist: the gem then installs all the
# same, and Railprobe.unsupported_reason says why it is idle.
require "mkmf"
require "rbconfig/sizeof"

# What is missing for the engine, in words; nil when nothing is.
def missing
  return "a Ruby with the C API of CRuby" unless RUBY_ENGINE == "ruby"
  return "Linux" unless RbConfig::CONFIG["target_os"].start_with?("linux")
  return "a 64-bit Ruby" unless RbConfig::SIZEOF["void*"] == 8
  return "elf.h" unless have_header("elf.h")
  return "POSIX threads" unless have_func("pthread_atfork", "pthread.h") || have_library("pthread", "pthread_atfork")

  return "libyaml (libyaml-dev)" unless have_library("yaml", "yaml_parser_initialize", "yaml.h")

  # The files that never see ruby.h see no HAVE_ macro either, so what they call is required, not optional.
  "memfd_create (glibc 2.27, musl 1.2)" unless have_func("memfd_create", "sys/mman.h")
end

append_cppflags("-D_GNU_SOURCE")
if (what = missing)
  message("Railprobe stays idle here: it needs #{what}.\n")
  File.write("Makefile", dummy_makefile(".").join)
  return
end

have_func("rb_ext_ractor_safe", "ruby.h") # 3.0+
have_func("rb_postponed_job_preregister", "ruby/debug.h") # 3.3+
have_func("rb_internal_thread_add_event_hook", "ruby/thread.h") # 3.2+
have_func("rb_internal_thread_specific_key_create", "ruby/thread.h") # 3.3+

append_cflags(%w[-std=c11 -fvisibility=hidden -Wall -Wvla -Wno-declaration-after-statement])

# For us, not for users: a warning of a later compiler must not break an install. Ruby's own headers do not
# survive these flags, so they become system headers, which are exempt. Neither does mkmf's test program, so
# the flags are not tried first. Unused parameters are allowed, for the body of a method takes a self; spec/c
# compiles what needs no Ruby with all of -Wextra.
if ENV["RAILPROBE_PEDANTIC"] == "1"
  $CFLAGS << " -Wall -Wextra -Wpedantic -Wconversion -Wno-unused-parameter -Werror"
  $INCFLAGS.gsub!(/-I(?=\$\((?:arch_)?hdrdir\))/, "-isystem ")
end

create_makefile("railprobe/railprobe")
