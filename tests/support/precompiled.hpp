// SPDX-License-Identifier: GPL-3.0-or-later
// What most tests include, compiled once.
#pragma once

#include <catch2/catch.hpp>

#include <backy/config/document.hpp>
#include <backy/history/history.hpp>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>
