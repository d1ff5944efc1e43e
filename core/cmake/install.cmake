# cmake --install: the libraries, their headers below include/ohmgrad (include
# "core/tensor/tensor.h" as inside this tree), the programs, the configs, and a
# package for find_package(ohmgrad).
include(CMakePackageConfigHelpers)

get_property(ohm_libraries GLOBAL PROPERTY OHM_LIBRARIES)
set(ohm_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ohmgrad)

install(
  TARGETS ohm_build ${ohm_libraries}
  EXPORT ohmgradTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(
  EXPORT ohmgradTargets
  NAMESPACE ohmgrad::
  DESTINATION ${ohm_package_dir})

# Not exported: the package's ohmgrad::ohmgrad is the library.
foreach(program IN ITEMS ohmgrad ohmgrad-bench)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

install(
  DIRECTORY core hw nn datasets train
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ohmgrad
  FILES_MATCHING
  PATTERN "*.h"
  PATTERN "cmake" EXCLUDE)
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/ohmgrad)

configure_package_config_file(
  core/cmake/ohmgradConfig.cmake.in ${PROJECT_BINARY_DIR}/ohmgradConfig.cmake
  INSTALL_DESTINATION ${ohm_package_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/ohmgradConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ohmgradConfig.cmake
              ${PROJECT_BINARY_DIR}/ohmgradConfigVersion.cmake
        DESTINATION ${ohm_package_dir})
