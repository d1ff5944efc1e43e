# Finds the stb single-file libraries (Debian: libstb-dev), which bring no CMake
# package of their own. Defines Stb_FOUND and the target Stb::stb, with which
# code includes <stb/stb_image.h>.
include(FindPackageHandleStandardArgs)

find_path(Stb_INCLUDE_DIR stb/stb_image.h)
mark_as_advanced(Stb_INCLUDE_DIR)
find_package_handle_standard_args(
  Stb
  REQUIRED_VARS Stb_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "stb/stb_image.h comes with Debian's libstb-dev")

if(Stb_FOUND AND NOT TARGET Stb::stb)
  add_library(Stb::stb INTERFACE IMPORTED)
  set_target_properties(Stb::stb PROPERTIES INTERFACE_INCLUDE_DIRECTORIES
                                            "${Stb_INCLUDE_DIR}")
endif()
