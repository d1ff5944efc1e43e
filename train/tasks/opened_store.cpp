#include "train/tasks/opened_store.h"

#include <fmt/format.h>

#include "core/base/check.h"
#include "train/experiment.h"

namespace ohm::train {

OpenedStore::OpenedStore(const Config& config)
    : store(config.tasks.store),
      model(BuildModel(config, config.model.classes)),
      image_size(config.data.image_size) {
  const std::string got = BackboneHash(model.get());
  OHM_CHECK(got == store.backbone_hash(),
            "'" + store.path().string() + "': expected the tasks' backbone, " +
                store.backbone_hash() + ", got " + got);
}

void OpenedStore::Set(const std::string& name) {
  ApplyTask(model.get(), store.Load(name));
  const std::string outputs = ProbeHash(model.get(), image_size);
  OHM_CHECK(outputs == store.Find(name).outputs,
            fmt::format("task '{}': expected outputs {}, got {}; they change "
                        "with hw, device and data keys other than the "
                        "store's, and with a file that is another task's",
                        name, store.Find(name).outputs, outputs));
}

void OpenedStore::CheckAll() {
  std::string wrong;
  for (const StoredTask& task : store.tasks()) {
    try {
      Set(task.name);
    } catch (const Error& error) {
      wrong += (wrong.empty() ? "" : "; ") + std::string(error.what());
    }
  }
  OHM_CHECK(wrong.empty(), wrong);
}

}  // namespace ohm::train
