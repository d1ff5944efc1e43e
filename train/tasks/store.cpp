#include "train/tasks/store.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "train/checkpoint.h"
#include "train/config_keys.h"
#include "train/run_folder.h"

namespace ohm::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

fs::path ListOf(const fs::path& store) { return store / kTaskStoreList; }

Json ToJson(const StoredTask& task) {
  return {{"name", task.name},      {"set", task.set},
          {"method", task.method},  {"validation_top1", task.validation},
          {"test_top1", task.test}, {"outputs", task.outputs},
          {"images", task.images},  {"data_keys", task.data_keys}};
}

double NumberOrNaN(const Json& value) {
  return value.is_number() ? value.get<double>() : std::nan("");
}

StoredTask ReadTask(const Json& json) {
  return {json.at("name").get<std::string>(),
          json.at("set").get<std::string>(),
          json.at("method").get<std::string>(),
          NumberOrNaN(json.at("validation_top1")),
          NumberOrNaN(json.at("test_top1")),
          json.at("outputs").get<std::string>(),
          json.value("images", ""),  // earlier versions did not write these
          json.value("data_keys", std::vector<std::string>())};
}

bool Unfinished(const fs::path& path) {
  return fs::exists(path / "backbone.safetensors") && !fs::exists(ListOf(path));
}

std::string NoStore(const fs::path& path) {
  if (Unfinished(path)) {
    return "'" + path.string() +
           "' is a task store that was not finished; remove the folder, and "
           "'ohmgrad tasks init CONFIG.toml --store DIR' makes it anew";
  }
  return "'" + path.string() +
         "' is no task store; 'ohmgrad tasks init CONFIG.toml --store DIR' "
         "makes one, --store names another";
}

}  // namespace

Config StoreConfig(const fs::path& path,
                   const std::vector<std::string>& overrides) {
  OHM_CHECK(fs::exists(path / "config.toml"), NoStore(path));
  std::vector<std::string> all{
      "tasks.store=" + path.string(), "run.dir=" + (path / "runs").string(),
      "model.weights=" + (path / "backbone.safetensors").string()};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return LoadConfig(path / "config.toml", all);
}

void TaskStore::CheckFree(const fs::path& path) {
  OHM_CHECK(!Unfinished(path), NoStore(path));
  for (const char* name :
       {kTaskStoreList, "config.toml", "backbone.safetensors", "tasks"}) {
    OHM_CHECK(!fs::exists(path / name),
              "'" + path.string() + "' holds a " + name +
                  " already, of a task store or of something else; --store "
                  "names another folder");
  }
}

TaskStore TaskStore::Create(const fs::path& path, const Config& config,
                            nn::Model* model, const StoredTask& first) {
  CheckFree(path);
  TaskStore store;
  store.path_ = path;
  store.backbone_ = BackboneHash(model);
  fs::create_directories(path / "tasks");
  const fs::path weights = path / "backbone.safetensors";
  SaveWeights(weights, model->Parameters(), model->Buffers(),
              {{"ohmgrad.model", config.model.name}});
  Config own = config;
  own.model.weights = weights.string();
  own.model.recalibrate = false;
  own.tasks.store = path.string();
  WriteFileAtomically(path / "config.toml", ResolvedToml(own));
  store.active_ = first.name;
  store.Add(first, CaptureTask(model, ""));
  return store;
}

TaskStore::TaskStore(fs::path path) : path_(std::move(path)) {
  OHM_CHECK(fs::exists(ListOf(path_)), NoStore(path_));
  const std::string name = "'" + ListOf(path_).string() + "': expected ";
  const Json list = Json::parse(ReadFile(ListOf(path_)), nullptr,
                                /*allow_exceptions=*/false);
  OHM_CHECK(list.is_object(), name + "a list of tasks in JSON");
  try {
    OHM_CHECK(list.at("version") == kVersion,
              name + "version " + std::to_string(kVersion));
    backbone_ = list.at("backbone").get<std::string>();
    active_ = list.at("active").get<std::string>();
    for (const Json& task : list.at("tasks")) {
      tasks_.push_back(ReadTask(task));
    }
  } catch (const Json::exception& error) {
    ThrowError(name + "version, backbone, active and tasks (" + error.what() +
               ")");
  }
  OHM_CHECK(std::ranges::count(tasks_, active_, &StoredTask::name) == 1,
            name + "the active task '" + active_ + "' once among the tasks");
}

void TaskStore::WriteList() const {
  Json list{
      {"version", kVersion}, {"backbone", backbone_}, {"active", active_}};
  list["tasks"] = Json::array();
  for (const StoredTask& task : tasks_) list["tasks"].push_back(ToJson(task));
  WriteFileAtomically(ListOf(path_), list.dump(2) + "\n");
}

const StoredTask& TaskStore::Find(const std::string& name) const {
  std::string names;
  for (const StoredTask& task : tasks_) {
    if (task.name == name) return task;
    names += (names.empty() ? "" : ", ") + task.name;
  }
  throw UsageError("[tasks] expected one of the tasks " + names + " of '" +
                   path_.string() + "', got '" + name + "'");
}

fs::path TaskStore::FileOf(const std::string& name) const {
  return path_ / "tasks" / (name + ".safetensors");
}

TaskState TaskStore::Load(const std::string& name) const {
  Find(name);
  return LoadTask(FileOf(name), backbone_);
}

void TaskStore::CheckNew(const std::string& name) const {
  const bool safe = !name.empty() && name.size() <= 200 && name[0] != '.' &&
                    name[0] != '-' && std::ranges::all_of(name, [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                             (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
                             c == '-';
                    });
  if (!safe) {
    throw UsageError(
        "[tasks] expected a name of at most 200 letters, digits, '.', '_' and "
        "'-' that begins with none of '.' and '-', got '" +
        name + "'");
  }
  const bool taken = std::ranges::any_of(
      tasks_, [&](const StoredTask& t) { return t.name == name; });
  if (taken) {
    throw UsageError("[tasks] '" + path_.string() + "' has a task '" + name +
                     "' already; 'tasks remove' takes it out");
  }
}

void TaskStore::Change(const std::function<void()>& change) {
  const FolderLock lock(path_);
  if (fs::exists(ListOf(path_))) {
    TaskStore now(path_);
    OHM_CHECK(now.backbone_ == backbone_,
              "'" + path_.string() + "': expected the backbone " + backbone_ +
                  ", got " + now.backbone_ +
                  "; the store was made anew meanwhile, try again");
    tasks_ = std::move(now.tasks_);
    active_ = std::move(now.active_);
  }
  change();
  WriteList();
}

void TaskStore::Add(StoredTask task, const TaskState& state) {
  Change([&] {
    CheckNew(task.name);
    SaveTask(FileOf(task.name), state, backbone_);
    tasks_.push_back(std::move(task));
  });
}

void TaskStore::Remove(const std::string& name) {
  Change([&] {
    const StoredTask& task = Find(name);
    if (&task == &tasks_.front()) {
      throw UsageError("[tasks] '" + name +
                       "' is the backbone's own task, which stays");
    }
    if (name == active_) {
      throw UsageError("[tasks] '" + name +
                       "' is in use; switch to another task first");
    }
    std::erase_if(tasks_, [&](const StoredTask& t) { return t.name == name; });
    WriteList();  // never a task on the list without its file
    fs::remove(FileOf(name));
  });
}

void TaskStore::SetActive(const std::string& name) {
  Change([&] { active_ = Find(name).name; });
}

std::string ProbeHash(nn::Model* model, int64_t image_size) {
  const NoGrad quiet;
  Tensor images = Tensor::Empty({64, image_size, image_size, 3});
  const Key key = Key().Child("probe");
  for (int64_t i = 0; i < images.count(); ++i) {
    images.data()[i] = float(key.Normal(uint64_t(i)));
  }
  const Tensor logits = model->Forward(Var(images), {}).value();
  Fnv1a hash;
  hash.Add(logits.raw(), logits.bytes());
  return hash.Hex();
}

}  // namespace ohm::train
