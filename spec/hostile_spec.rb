# frozen_string_literal: true

require "etc"
require "fileutils"
require "socket"
require "tmpdir"
require_relative "support/child"

# What stands in the way of an image: directories, files, limits and names as an attacker or a bad day leaves
# them. Each in a process of its own, which must go on, say what is wrong with the path and the reason, and raise
# under strict only.
RSpec.describe "What stands in the way of an image", :native do
  stranger = 65_533

  around do |example|
    Dir.mktmpdir("railprobe-hostile-") do |root|
      @root = File.realpath(root)
      File.chmod(0o755, @root)
      FileUtils.mkdir([path("temporary"), path("app")])
      File.chmod(0o1777, path("temporary"))
      example.run
    end
  end

  before do |example|
    skip("it takes root") if example.metadata[:root] && !Process.euid.zero?
    skip("no private mounts can be made here") if example.metadata[:mounts] && !mounts?
  end

  def path(*names) = File.join(@root, *names)
  def dir = path("images")
  def fallback(uid = Process.euid) = path("temporary", "railprobe-#{uid}")

  def mounts? = system("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt", err: File::NULL)

  # A command that runs another one where script has changed the mounts, for itself alone.
  def mounting(script) = ["unshare", "-m", "sh", "-ec", "#{script}\nexec \"$@\"", "sh"]

  def run(program, **options)
    env = { "RAILPROBE_DIR" => dir, "TMPDIR" => path("temporary") }.merge(options.delete(:env) || {})
    Child.run(program, env: env, directory: path("app"), **options)
  end

  # What a program finds that declares a probe, loads and fires it. prepare runs before, restore after the load.
  def load_there(prepare: "", restore: "", **options)
    result = run(<<~RUBY, **options)
      Railprobe.probe("hostile:probe", number: :integer)
      #{prepare}
      loaded = Railprobe.load
      #{restore}
      fired = Railprobe["hostile:probe"].fire(1)
      { loaded: loaded, fired: fired, supported: Railprobe.supported?, why: Railprobe.unsupported_reason,
        path: Railprobe["hostile:probe"].path, report: Railprobe.report,
        mapped: File.read("/proc/self/maps").scan(%r{\\S*app-\\h+\\.so}).uniq, lives: true }
    RUBY
    expect(result.status).to be_success, result.errors
    result
  end

  # What is raised under strict, as [class, message]; nil for nothing.
  def raised_there(program = 'Railprobe.probe("hostile:probe", number: :integer); Railprobe.load', **options)
    result = run(<<~RUBY, **options)
      Railprobe.strict = true
      begin
        #{program}
        nil
      rescue Railprobe::Error => error
        [error.class.name, error.message]
      end
    RUBY
    expect(result.status).to be_success, result.errors
    result.value
  end

  # The image's name, from a load elsewhere.
  def image_name
    @image_name ||= File.basename(load_there(env: { "RAILPROBE_DIR" => path("elsewhere") }).value[:path])
  end

  # The directory did not take the image, for that reason, and the next one did; nothing is raised.
  def expect_fallback(result, why, system = nil, uid: Process.euid)
    value = result.value
    expect(value).to include(loaded: true, supported: true, why: nil, lives: true, fired: false)
    expect(value[:path]).to start_with("#{fallback(uid)}/app-")
    expect(value[:mapped]).to eq([value[:path]])
    expect(value[:report][:attempts]).to match([[dir, a_string_including(why), system]])
    expect(value[:report][:complaints]).to be_empty
    expect(result.errors).to be_empty
  end

  # No place took it: said once with every path and reason, and raised under strict only.
  def expect_nowhere(*reasons, **options)
    result = load_there(**options)
    expect(result.value).to include(loaded: false, supported: false, lives: true, fired: false, path: nil)
    expect(result.value[:why]).to include("no directory would take the image")
    complaint = result.value[:report][:complaints].keys.fetch(0).to_s
    expect(complaint).to include(dir, fallback, "memory", *reasons)
    expect(result.errors).to eq("railprobe: #{complaint}\n")
    strict = "#{options[:prepare]}\nRailprobe.probe('hostile:probe', number: :integer)\n" \
             "begin\nRailprobe.load\nensure\n#{options[:restore]}\nend"
    expect(raised_there(strict)).to match(["Railprobe::LoadError", a_string_including(dir, *reasons)])
  end

  def expect_there(result, in_directory: dir)
    expect(result.value).to include(loaded: true, supported: true)
    expect(result.value[:path]).to start_with("#{in_directory}/app-")
    expect(result.value[:mapped]).to eq([result.value[:path]])
    expect(result.value[:report]).to include(attempts: [], complaints: {})
  end

  describe "a directory" do
    it "is made when it is missing, and no other is" do
      expect_there(load_there)
      expect(File.stat(dir).mode & 0o7777).to eq(0o755)
      expect(Dir.children(path("temporary"))).to be_empty
    end

    it "that others may write to is refused" do
      [0o775, 0o757, 0o1777].each do |mode|
        FileUtils.mkdir_p(dir)
        File.chmod(mode, dir)
        expect_fallback(load_there, "others may write in the directory")
        expect(Dir.children(dir)).to be_empty
      end
      expect(raised_there).to be_nil # for the next directory took it
    end

    it "that is a symbolic link is refused" do
      FileUtils.mkdir(path("real"))
      File.symlink(path("real"), dir)
      expect_fallback(load_there, "symbolic link", "Not a directory")
      expect(Dir.children(path("real"))).to be_empty
    end

    it "that is a file is refused" do
      File.write(dir, "")
      expect_fallback(load_there, "the path is no directory", "Not a directory")
    end

    it "that belongs to somebody else is refused, even by root", :root do
      FileUtils.mkdir(dir)
      File.chown(stranger, stranger, dir)
      expect_fallback(load_there, "belongs to neither this user nor root")
    end

    it "that can't be written to is passed over", :root do
      FileUtils.mkdir(dir)
      expect_fallback(load_there(uid: stranger), "the file can't be written", "Permission denied", uid: stranger)
    end

    it "that can't be entered is passed over", :root do
      FileUtils.mkdir_p(File.join(dir, "below"))
      File.chmod(0o700, dir)
      value = load_there(uid: stranger, env: { "RAILPROBE_DIR" => File.join(dir, "below") }).value
      expect(value[:supported]).to be(true)
      expect(value[:report][:attempts]).to match([[File.join(dir, "below"), a_string_including("can't be opened"),
                                                   "Permission denied"]])
    end

    it "on a read-only file system is passed over", :mounts, :root do
      FileUtils.mkdir(dir)
      script = "mount -t tmpfs -o ro,mode=755 none #{dir}"
      expect_fallback(load_there(under: mounting(script)), "the file can't be written", "Read-only file system")
    end

    it "on a file system without execution is passed over", :mounts, :root do
      FileUtils.mkdir(dir)
      script = "mount -t tmpfs -o noexec,mode=755 none #{dir}"
      expect_fallback(load_there(under: mounting(script)), "mapped executable", "Operation not permitted")
    end

    it "that is full is passed over, and nothing is left in it", :mounts, :root do
      FileUtils.mkdir(dir)
      script = "mount -t tmpfs -o size=4k,mode=755 none #{dir}"
      result = load_there(under: mounting(script), restore: "$left = Dir.children(#{dir.inspect})\n" \
                                                            "raise $left.inspect unless $left.empty?")
      expect_fallback(result, "the file can't be written", "No space left on device")
    end

    it "is named by its path, not by a shell's short form" do
      result = load_there(env: { "RAILPROBE_DIR" => "~nobody-of-that-name/x" })
      expect_there(result, in_directory: path("app", "~nobody-of-that-name", "x"))
    end
  end

  describe "a working directory that is gone" do
    it "holds nothing up" do
      expect_there(load_there(prepare: 'Dir.mkdir("gone"); Dir.chdir("gone"); Dir.rmdir("../gone")'))
    end
  end

  describe "limits" do
    it "on the size of files are told, and not run into" do
      expect_nowhere("RLIMIT_FSIZE", "File too large", prepare: "Process.setrlimit(:FSIZE, 4096)")
    end

    it "on descriptors are told" do
      expect_nowhere("Too many open files",
                     prepare: 'held = []; begin; loop { held << File.open("/dev/null") }; rescue Errno::EMFILE; end',
                     restore: "held.each(&:close)")
    end
  end

  describe "what is in the place of the image" do
    before { FileUtils.mkdir(dir) }

    let(:place) { File.join(dir, image_name) }
    let(:valid) { File.binread(path("elsewhere", image_name)) }

    # Left alone, and the next directory serves.
    def expect_left_alone(why)
      before = File.lstat(place)
      expect_fallback(load_there, why)
      after = File.lstat(place)
      expect([after.ino, after.mode, after.uid, after.mtime]).to eq([before.ino, before.mode, before.uid, before.mtime])
    end

    it "is refused if it is a symbolic link, even to a valid image" do
      File.symlink(path("elsewhere", image_name), place)
      before = File.lstat(place).ino
      expect_fallback(load_there, "no regular file", "Too many levels of symbolic links")
      expect(File.lstat(place).ino).to eq(before)
    end

    it "is refused if it is a FIFO, at once" do
      File.mkfifo(place)
      expect_left_alone("no regular file")
    end

    it "is refused if it is a directory" do
      FileUtils.mkdir(place)
      expect_left_alone("no regular file")
    end

    it "is refused if it is somebody else's, even with the right bytes", :root do
      File.binwrite(place, valid)
      File.chown(stranger, stranger, place)
      expect_left_alone("the file there belongs to neither this user nor root")
    end

    {
      "is empty" => lambda(&:clear),
      "is truncated" => ->(bytes) { bytes.slice!(-1) },
      "is longer" => ->(bytes) { bytes << "\0" },
      "has another instruction in its text" => ->(bytes) { bytes.setbyte(4096, 0xcc) }
    }.each do |what, spoil|
      it "is replaced if it is ours and #{what}" do
        File.binwrite(place, valid.dup.tap(&spoil))
        File.chmod(0o555, place)
        File.link(place, path("before")) # so that its inode number is not given to the new file
        expect_there(load_there)
        expect(File.stat(place).ino).not_to eq(File.stat(path("before")).ino)
        expect(File.binread(place)).to eq(valid)
        expect(Dir.children(dir)).to contain_exactly(image_name, "app.so", image_name.sub(".so", ".json"))
      end
    end

    it "is replaced if others may write to it" do
      [0o575, 0o757].each do |mode|
        File.binwrite(place, valid)
        File.chmod(mode, place)
        expect_there(load_there)
        expect(File.stat(place).mode & 0o7777).to eq(0o555)
        File.unlink(place)
      end
    end
  end

  describe "an image that is there" do
    def facts(file)
      status = File.stat(file)
      [status.ino, status.mode, status.uid, status.mtime, status.ctime, status.size]
    end

    it "is used and not touched" do
      file = load_there.value[:path]
      before = facts(file)
      expect_there(load_there)
      expect(facts(file)).to eq(before)
    end

    it "is used by another user if it is root's", :root do
      file = load_there.value[:path]
      before = facts(file)
      expect_there(load_there(uid: stranger))
      expect(facts(file)).to eq(before)
    end

    it "is used where nothing can be written", :mounts, :root do
      file = load_there.value[:path]
      before = facts(file)
      script = "mount --bind #{dir} #{dir}; mount -o remount,ro,bind #{dir}"
      expect_there(load_there(under: mounting(script)))
      expect_there(load_there(under: mounting(script), uid: stranger))
      expect(facts(file)).to eq(before)
      expect(Dir.children(dir).size).to eq(3)
    end

    it "is one inode for all who come at once" do
      program = <<~RUBY
        Railprobe.probe("hostile:probe", number: :integer)
        ready, gun = IO.pipe
        pids = Array.new(20) do
          fork do
            gun.close
            ready.read
            loaded = Railprobe.load && Railprobe.report[:attempts].empty?
            inode = File.read("/proc/self/maps")[/\\s(\\d+)\\s+\\S*app-\\h+\\.so$/, 1]
            exit!(loaded && inode.to_i == File.stat(Railprobe["hostile:probe"].path).ino ? 0 : 1)
          end
        end
        gun.close
        pids.map { |pid| Process.wait2(pid).last.exitstatus }
      RUBY
      expect(run(program).value).to eq([0] * 20)
      expect(Dir.children(dir).size).to eq(3)
      expect(Dir.children(path("temporary"))).to be_empty
    end
  end

  describe "declarations" do
    # A text of Ruby that declares it: what is wrong is said, the app goes on with a probe that does nothing.
    def expect_refused(arguments, why, label: nil)
      result = run("probe = Railprobe.probe(#{arguments})\n" \
                   "[probe.fire(1), probe.attached?, Railprobe.load, Railprobe.report[:complaints].keys]")
      expect(result.status).to be_success, result.errors
      fired, attached, loaded, complaints = result.value
      expect([fired, attached, loaded]).to eq([false, false, true])
      expect(complaints).to match([a_string_including(why, *label)])
      expect(raised_there("Railprobe.probe(#{arguments})"))
        .to match(["Railprobe::DeclarationError", a_string_including(why, *label)])
    end

    it "of names that clash once mangled are refused with the other's name" do
      clash = '"order:paid_p"); Railprobe.probe("order:paid?"'
      program = "Railprobe.probe(#{clash}); Railprobe.load; Railprobe.report"
      report = run(program).value
      expect(report[:probes]).to eq(1)
      expect(report[:complaints].keys.map(&:to_s))
        .to match([a_string_including("order:paid?", "two names are the same once mangled", "order:paid_p")])
      expect(raised_there("Railprobe.probe(#{clash})")).to match(["Railprobe::DeclarationError", /order:paid_p/])
    end

    it "of the same probe with other arguments are refused" do
      program = 'Railprobe.probe("a:b", x: :integer); Railprobe.probe("a:b", x: :string)'
      expect(run("#{program}; Railprobe.report").value[:complaints].keys.first.to_s)
        .to include("already declared with other arguments")
      expect(raised_there(program)).to match(["Railprobe::DeclarationError", /other arguments/])
    end

    it "with 13 arguments are refused" do
      expect_refused("'a:b', **(1..13).to_h { |i| [:\"a\#{i}\", :integer] }", "declares 13 arguments", label: "a:b")
      expect_refused("'a:b', **(1..7).to_h { |i| [:\"a\#{i}\", :bytes] }", "declares 14 arguments")
      expect(run("Railprobe.probe('a:b', **(1..12).to_h { |i| [:\"a\#{i}\", :integer] }); Railprobe.load").value)
        .to be(true)
    end

    it "with names that are none are refused" do
      expect_refused('""', "no name of a probe")
      expect_refused('"no_colon"', "no name of a probe")
      expect_refused('":name"', "no name of a probe")
      expect_refused('"provider:"', "no name of a probe")
      expect_refused("nil", "no name of a probe")
    end

    it "with names that are too long are refused" do
      expect_refused('"a:" + "n" * 64', "longer than 63 bytes")
      expect_refused('"p" * 60 + ":n"', "a provider than 59")
      expect(run('Railprobe.probe("p" * 59 + ":" + "n" * 63); Railprobe.load').value).to be(true)
    end

    it "with names that are no text are refused" do
      ['"a:\\0b"', '"a\\0:b"', '"a:\\xff"', '"a\\xff:b"', '"a:b".encode("UTF-16LE")'].each do |name|
        expect_refused(name, "no name of a probe")
      end
      ['"a:\\xff".b', '"a:\\u00e9".encode("ISO-8859-1")'].each { |name| expect_refused(name, "a name is not UTF-8") }
    end

    it "are not found by names that are none, and nothing is raised" do
      program = '["a:\\0b", "a:\\xff", "\\xff", "", "a:b".encode("UTF-16LE"), nil].map { |name| ' \
                "[Railprobe[name].fire(1), Railprobe.remove(name)] }"
      result = run(program)
      expect(result.status).to be_success, result.errors
      expect(result.value).to all(eq([false, false]))
      expect(raised_there('Railprobe["a:\\0b"]')).to match(["Railprobe::UnknownProbeError", /no probe/])
    end
  end
end
