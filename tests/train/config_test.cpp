#include "train/config.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/near.h"
#include "tests/train/scratch_folder.h"
#include "train/config_keys.h"

namespace ohm::train {
namespace {

// A config file `text` in a folder of its own, and what loading it says.
struct Fixture {
  ScratchFolder folder;

  Config Load(const std::string& text,
              const std::vector<std::string>& overrides = {}) {
    return LoadConfig(folder.Write("x.toml", text), overrides);
  }
  std::string Fails(const std::string& text,
                    const std::vector<std::string>& overrides = {}) {
    return MessageOf<UsageError>([&] { Load(text, overrides); });
  }
  std::string File(int line) {
    return (folder / "x.toml").string() + ":" + std::to_string(line) + ": ";
  }
};

// The text of every hw key's default, as a preset file has it.
std::string HwSection(const std::string& leave_out = "") {
  Config config;
  config.hw_preset = "x";
  const std::string toml = ResolvedToml(config);
  std::string text = toml.substr(toml.find("[hw]"));
  if (leave_out.empty()) return text;
  const size_t begin = text.find("\n" + leave_out + " = ") + 1;
  return text.erase(begin, text.find('\n', begin) + 1 - begin);
}

// Some integer key of the crossbar, whatever hw/spec.h calls it.
KeyRow AnyHwInteger(Config* config) {
  for (const KeyRow& row : KeyRows(config)) {
    if (row.name.starts_with("hw.") && TypeName(row) == "integer") return row;
  }
  FAIL("hw has no integer key");
  return {};
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "config: an empty file gives the defaults") {
  const Config config = Load("");
  CHECK(config.train.epochs == 40);
  CHECK(config.model.name == "resnet20");
  CHECK(config.train.warmup == Duration{0, Duration::Unit::kEpochs});
  CHECK(config.run.dir == "runs/x");
  CHECK(!config.on_crossbar());
  CHECK(config.where.empty());
}

TEST_CASE_FIXTURE(Fixture, "config: every type of value is read") {
  const Config config = Load(R"(
[data]
root = "/tmp/a b"
mean = [0.485, 0.456, 0]
std = [0.2, 0.2, 0.2]
flip = true
[train]
epochs = 3
lr = 1          # an integer where a number is wanted
warmup = "500s"
momentum = 0.5
[tasks]
methods = ["xbm"]
estimator = "sigmoid"
[run]
dir = "out"
)");
  CHECK(config.data.root == "/tmp/a b");
  CHECK(config.data.mean == std::vector<double>{0.485, 0.456, 0});
  CHECK(config.data.flip);
  CHECK(config.train.epochs == 3);
  CHECK(config.train.lr == 1.0);
  CHECK(config.train.warmup == Duration{500, Duration::Unit::kSteps});
  CHECK(config.train.optimizer_options.momentum == 0.5);
  CHECK(config.tasks.methods == std::vector<std::string>{"xbm"});
  CHECK(config.run.dir == "out");
  CHECK(config.where.at("train.epochs") == (folder / "x.toml").string() + ":8");
}

TEST_CASE_FIXTURE(Fixture, "config: --set wins, the last one most") {
  const Config config = Load(
      "train.epochs = 3\n",
      {"train.epochs=4", "train.epochs=5", "data.root=/x/y", "data.flip=true",
       "train.lr=1e-3", "train.warmup=2e", "tasks.methods=[\"head\"]",
       "tasks.sets=[]", "run.dir=2024", "model.weights=\"a#b\"",
       "data.std=[1, 1, 1.5]", "data.mean=[0,0,0]"});
  CHECK(config.train.epochs == 5);
  CHECK(config.data.root == "/x/y");
  CHECK(config.data.flip);
  CHECK(config.train.lr == 1e-3);
  CHECK(config.train.warmup.count == 2);
  CHECK(config.tasks.methods == std::vector<std::string>{"head"});
  CHECK(config.run.dir == "2024");
  CHECK(config.model.weights == "a#b");
  CHECK(config.data.std.back() == 1.5);
  CHECK(config.where.at("train.epochs") == "--set train.epochs=5");
  const std::vector<std::string> both = {"head", "xbm"};
  CHECK(Load("", {"tasks.methods=head,xbm"}).tasks.methods == both);
  CHECK(Load("", {"tasks.methods=[head, xbm]"}).tasks.methods == both);
  CHECK(Load("", {"data.root=1\ntrain.epochs=2"}).data.root ==
        "1\ntrain.epochs=2");
}

TEST_CASE_FIXTURE(Fixture, "config: wrong values name file, line and key") {
  struct Bad {
    const char* line;
    const char* says;
  };
  const Bad table[] = {
      {R"(train.epochs = "ten")",
       R"(train.epochs: expected an integer in 1..100000, got "ten")"},
      {"train.epochs = 0", "integer in 1..100000, got 0"},
      {"train.epochs = 100001", "got 100001"},
      {"train.epochs = 1.5", "train.epochs: expected an integer"},
      {"train.epochs = true", "got true"},
      {"train.epochs = [1]", "got [ 1 ]"},
      {"train.epochs = {a = 1}", "train.epochs: expected an integer"},
      {"train.batch = 9223372036854775807", "train.batch: expected an integer"},
      {"train.lr = nan", "train.lr: expected a number in 0..1000"},
      {"train.lr = -0.1", "got -0.1"},
      {"train.lr = 2020-01-01", "got 2020-01-01"},
      {"data.flip = 1", "data.flip: expected true or false, got 1"},
      {"data.root = 1", "data.root: expected a string, got 1"},
      {"data.mean = [0.1, 0.2]", "data.mean: expected 3 numbers"},
      {"data.mean = [0.1, 0.2, 3]", "a list of numbers in 0..1"},
      {"data.mean = [0.1, 0.2, 0.3]", "data.mean and data.std together"},
      {R"(data.mean = ["a"])", "data.mean: expected a list of numbers"},
      {"data.crop_padding = 40", "less than data.image_size, which is 32"},
      {R"(train.optimizer = "sdg")",
       R"(expected one of sgd, adam, got "sdg"; did you mean "sgd"?)"},
      {R"(train.dtype = "f16")", R"(expected one of f32, bf16, got "f16")"},
      {R"(model.name = "resnet21")", R"(did you mean "resnet20"?)"},
      {R"(tasks.methods = ["head", "xbn"])",
       "tasks.methods: expected a list of head, "},
      {R"(tasks.methods = [1])", "tasks.methods: expected a list"},
      {R"(tasks.methods = "head")", "tasks.methods: expected a list"},
      {R"(train.warmup = "5")",
       R"(expected a duration such as "5e" (epochs) or "500s" (steps))"},
      {"train.warmup = 5", "train.warmup: expected a duration"},
      {R"(train.step_every = "0e")", "at least 0.01, got \"0e\""},
      {"train.epoch = 3", "'train.epoch'; did you mean 'train.epochs'?"},
      {"trian.epochs = 3", "'trian.epochs'; did you mean 'train.epochs'?"},
      {"data.epochs = 3", "did you mean 'train.epochs'?"},
      {"epochs = 3", "unknown key 'epochs'; did you mean 'train.epochs'?"},
      {"zzz.qqq = 3", "unknown key 'zzz.qqq'"},
      {"[trian]", "unknown section [trian]"},
      {"train = 3", "unknown key 'train'"},
      {"train.epochs = ", "not TOML"},
      {"train.epochs = 3\ntrain.epochs = 4", "not TOML"},
  };
  for (const Bad& bad : table) {
    CAPTURE(bad.line);
    const std::string message = Fails("# first line\n" + std::string(bad.line));
    CAPTURE(message);
    const int line =
        std::string(bad.line).find('\n') == std::string::npos ? 2 : 3;
    CHECK(Contains(message, File(line)));
    CHECK(Contains(message, bad.says));
  }
}

TEST_CASE_FIXTURE(Fixture, "config: wrong --set words are quoted back") {
  struct Bad {
    const char* words;
    const char* says;
  };
  const Bad table[] = {
      {"train.epochs=ten",
       R"(--set train.epochs=ten: train.epochs: expected an integer in )"
       R"(1..100000, got "ten")"},
      {"train.epochs=", "got \"\""},
      {"train.epochs=1e2", "got 100.0"},
      {"train.epoch=3", "--set train.epoch=3: unknown key 'train.epoch'"},
      {"train.epochs", "--set train.epochs: expected section.key=value"},
      {"=3", "expected section.key=value"},
      {"train.optimizer=adm", "did you mean \"adam\"?"},
      {"train.warmup=5", "train.warmup: expected a duration"},
      {"tasks.methods=head,xbn", "a list of head, "},
      {"data.flip=yes", "true or false, got \"yes\""},
      {"data.root=\xff", "UTF-8"},
  };
  for (const Bad& bad : table) {
    CAPTURE(bad.words);
    const std::string message = Fails("", {bad.words});
    CAPTURE(message);
    CHECK(Contains(message, bad.says));
  }
}

TEST_CASE_FIXTURE(Fixture, "config: contradictions are found at load") {
  CHECK(Contains(Fails("train.momentum = 0\ntrain.nesterov = true\n"),
                 File(2) + "train.nesterov: "));
  CHECK(Contains(Fails("adapt.in_loop = true\n"),
                 "adapt.in_loop: expected adapt.epochs above 0"));
  CHECK(Contains(Fails("adapt.in_loop = true\nadapt.inject = \"tile\"\n"),
                 File(2) + "adapt.inject: expected none"));
  CHECK(Contains(Fails("eval.calibrate = \"once\"\nadapt.norm_batches = 8\n"),
                 File(1) + "eval.calibrate: expected \"each\""));
  CHECK(Contains(Fails("train.schedule = \"onecycle\"\ntrain.warmup = \"1e\""),
                 File(2) + "train.warmup: "));
}

TEST_CASE_FIXTURE(Fixture, "config: the first wrong line is reported") {
  const std::string message = Fails("[train]\nlr = \"x\"\nbatch = \"y\"\n");
  CHECK(Contains(message, File(2)));
}

TEST_CASE("config: a missing file is a usage error with its name") {
  const auto message =
      MessageOf<UsageError>([] { LoadConfig("no/such.toml"); });
  CHECK(Contains(message, "no/such.toml"));
  CHECK(!MessageOf<UsageError>([] { LoadConfig("/"); }).empty());
}

TEST_CASE_FIXTURE(Fixture, "config: a preset, overridden by own hw keys") {
  Config scratch;
  const KeyRow row = AnyHwInteger(&scratch);
  const std::string key = row.name.substr(3);
  const std::string low = std::to_string(int64_t(row.min));
  const std::string high = std::to_string(int64_t(row.min) + 1);
  folder.Write("hw/tiny.toml", "[hw]\n" + key + " = " + low + "\n");
  const auto value = [&](Config config) {
    return ValueText(AnyHwInteger(&config));
  };
  const std::string use = "hw.preset = \"tiny\"\n";
  CHECK(Load(use).on_crossbar());
  CHECK(value(Load(use)) == low);
  CHECK(value(Load("hw." + key + " = " + high + "\n" + use)) == high);
  CHECK(value(Load(use, {"hw." + key + "=" + high})) == high);
  CHECK(value(Load("", {"hw.preset=tiny"})) == low);
  CHECK(value(Load("hw.preset = \"hw/tiny.toml\"")) == low);
  const std::string path = (folder / "hw/tiny.toml").string();
  CHECK(value(Load("", {"hw.preset=" + path})) == low);
}

// A run has resolved them from its preset, so another one stands in for all.
TEST_CASE_FIXTURE(Fixture, "config: another preset for a full hw section") {
  folder.Write("hw/tiny.toml", "[hw]\nadc_bits = 5\n");
  folder.Write("hw/other.toml",
               "[hw]\nrows = 32\n[device]\nstuck_at_gmin = 0.5\n");
  const auto path = folder.Write(
      "resolved.toml",
      ResolvedToml(Load("hw.preset = \"tiny\"",
                        {"hw.dac_bits=4", "device.stuck_at_gmax=0.25"})));
  const Config same = LoadConfig(path, {"hw.preset=tiny"});
  CHECK(same.hw.adc_bits == 5);
  CHECK(same.hw.dac_bits == 4);
  const Config other = LoadConfig(path, {"hw.preset=other", "hw.columns=32"});
  CHECK(other.hw.rows == 32);
  CHECK(other.hw.columns == 32);
  CHECK(other.hw.adc_bits == hw::CrossbarSpec().adc_bits);
  CHECK(other.hw.dac_bits == hw::CrossbarSpec().dac_bits);
  CHECK(other.device.stuck_at.gmin == test::Near(0.5));
  CHECK(other.device.stuck_at.gmax == test::Near(0.25));
  CHECK_THROWS_WITH_AS(LoadConfig(path, {"hw.preset=none_such"}),
                       doctest::Contains("which does not exist"), UsageError);
  CHECK(!LoadConfig(path, {"hw.preset="}).on_crossbar());
}

TEST_CASE_FIXTURE(Fixture, "config: bad presets name file and line") {
  Config scratch;
  const KeyRow row = AnyHwInteger(&scratch);
  const std::string use = "\nhw.preset = \"tiny\"\n";
  CHECK(Contains(Fails(use), File(2) + "hw.preset: "));
  CHECK(Contains(Fails(use), "tiny.toml"));
  CHECK(Contains(Fails("\nhw." + row.name.substr(3) + " = 8\n"),
                 File(2) + row.name + ": expected hw.preset"));
  const auto preset = [&](const std::string& text) {
    const auto path = folder.Write("hw/tiny.toml", "\n" + text + "\n");
    const std::string message = Fails(use);
    CHECK(Contains(message, path.string() + ":2: "));
    return message;
  };
  CHECK(Contains(preset(row.name + " = \"x\""), row.name + ": expected"));
  CHECK(Contains(preset("hw.nonsense_of_it = 1"), "'hw.nonsense_of_it'"));
  CHECK(Contains(preset("train.epochs = 1"), "only hw and device keys"));
  CHECK(Contains(preset("hw.preset = \"tiny\""), "only hw and device keys"));
}

TEST_CASE_FIXTURE(Fixture, "config: a crossbar that cannot be is refused") {
  folder.Write("hw/tiny.toml", "");
  const std::string use = "hw.preset = \"tiny\"\n";
  // In range by itself, but a signed weight cannot have one bit.
  const std::string message = Fails(use + "hw.weight_bits = 1\n");
  CHECK(Contains(message, File(2) + "hw.weight_bits: expected 0 (ideal)"));
}

TEST_CASE_FIXTURE(Fixture, "config: a full hw section needs no preset file") {
  const std::string full = HwSection();
  CHECK(Load(full).hw_preset == "x");
  Config scratch;
  const std::string key = AnyHwInteger(&scratch).name.substr(3);
  CHECK(Contains(Fails(HwSection(key)), "hw.preset"));
}

TEST_CASE_FIXTURE(Fixture, "config: the resolved text loads to the same") {
  folder.Write("hw/tiny.toml", "");
  const Config first =
      Load("hw.preset = \"tiny\"",
           {"train.lr=0.1234567890123456789", "data.root=a \"b\" \\ \t\x7f ü",
            "data.mean=[0.485, 0.1, 1]", "data.std=[0.3, 0.2, 1]",
            "train.warmup=0.25e", "tasks.methods=xbm", "train.resume=true"});
  const std::string text = ResolvedToml(first);
  const Config second = LoadConfig(folder.Write("resolved.toml", text));
  CHECK(ResolvedToml(second) == text);
  CHECK(second.train.lr == first.train.lr);
  CHECK(second.data.root == first.data.root);
  CHECK(second.data.mean == first.data.mean);
  CHECK(second.run.dir == first.run.dir);
  CHECK(second.train.resume);
  const std::string digital = ResolvedToml(Load(""));
  CHECK(ResolvedToml(LoadConfig(folder.Write("d.toml", digital))) == digital);
}

TEST_CASE("config: every key is in the help and the docs, once, with words") {
  Config config;
  const std::string help = KeyHelp();
  const std::string markdown = KeyMarkdown();
  std::set<std::string> names;
  for (const KeyRow& row : KeyRows(&config)) {
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    CHECK(Contains(help, "  " + row.name + " = " + ValueText(row)));
    CHECK(Contains(markdown, "| `" + row.name + "` | "));
    CHECK(row.doc.ends_with("."));
    CHECK(!Expected(row).empty());
  }
  for (const char* name :
       {"data.root", "data.set", "model.name", "model.weights", "train.epochs",
        "train.batch", "train.dtype", "train.seed", "run.dir", "hw.preset"}) {
    CAPTURE(name);
    CHECK(names.contains(name));
  }
}

TEST_CASE_FIXTURE(Fixture, "config: every default is in its own range") {
  Config defaults;
  for (const KeyRow& row : KeyRows(&defaults)) {
    const bool hw = row.name.starts_with("hw.");
    if (hw || row.name.starts_with("device.")) continue;  // need a preset
    CAPTURE(row.name);
    const std::string value = ValueText(row);
    CHECK(Fails(row.name + " = " + value) == "");
  }
  CHECK(Fails(HwSection()) == "");
}

TEST_CASE_FIXTURE(Fixture, "config: what shows later still names the line") {
  const Config config = Load("\n\ndata.set = \"shapes\"\n");
  auto message = MessageOf<UsageError>(
      [&] { ThrowAtKey(config, "data.set", "has no images"); });
  CHECK(message == File(3) + "data.set: has no images");
  message = MessageOf<UsageError>(
      [&] { ThrowAtKey(config, "train.lr", "too high"); });
  CHECK(message == (folder / "x.toml").string() + ": train.lr: too high");
}

TEST_CASE_FIXTURE(Fixture, "config: the schedule of a run in steps") {
  const Config config = Load(
      "[train]\nschedule = \"step\"\nlr = 0.2\nwarmup = \"2e\"\n"
      "step_every = \"50s\"\nstep_factor = 0.5\n");
  const ScheduleSpec spec = config.train.Schedule(10, 400);
  CHECK(spec.warmup_steps == 20);
  CHECK(spec.step_every == 50);
  CHECK(LearningRate(spec, 10) == test::Near(0.11));
  CHECK(LearningRate(spec, 60) == test::Near(0.1));
}

}  // namespace ohm::train
