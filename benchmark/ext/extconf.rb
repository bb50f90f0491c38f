# frozen_string_literal: true

require "mkmf"

append_cflags(%w[-std=c11 -fvisibility=hidden])
create_makefile("railprobe_baseline")
