// The effects in the order in which they act.
#include "hw/effects/device.h"
#include "hw/effects/effect.h"

namespace ohm::hw {

const std::vector<Effect>& Effects() {
  using enum Stage;
  static const std::vector<Effect> effects = {
      {"levels", kProgramming, "The conductance nearest to the target.",
       LevelsActive, ApplyLevels},
      {"write_error", kProgramming, "Gaussian error of the write.",
       WriteErrorActive, ApplyWriteError},
      {"variation", kProgramming, "Lognormal resistance of devices.",
       VariationActive, ApplyVariation},
      // Last of programming: nothing changes a stuck cell.
      {"stuck_at", kProgramming, "Cells, rows and columns that are stuck.",
       StuckAtActive, ApplyStuckAt},

      {"drift", kTime, "A power law of time.", DriftActive, ApplyDrift},
      {"retention", kTime, "Relaxation or decay of what was written.",
       RetentionActive, ApplyRetention},
      {"temperature", kTime, "Conductance at another temperature.",
       TemperatureActive, ApplyTemperature},

      {"thermal_noise", kRead, "Johnson noise.", ThermalNoiseActive,
       ApplyThermalNoise},
      {"shot_noise", kRead, "Shot noise of the current.", ShotNoiseActive,
       ApplyShotNoise},
      {"telegraph_noise", kRead, "Two states of a cell.", TelegraphNoiseActive,
       ApplyTelegraphNoise},
      {"flicker_noise", kRead, "1/f noise.", FlickerNoiseActive,
       ApplyFlickerNoise},
      {"read_noise", kRead, "Gaussian noise of the conductance.",
       ReadNoiseActive, ApplyReadNoise},
  };
  return effects;
}

}  // namespace ohm::hw
