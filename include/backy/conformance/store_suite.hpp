// SPDX-License-Identifier: GPL-3.0-or-later
// The laws of RevisionSpace and Store: `store_suite(make)`, where make() opens the same store again and again.
#pragma once

#include <backy/concepts/store.hpp>
#include <backy/conformance/image_suite.hpp>

#include <map>

namespace backy::conformance {

template <class Make>
    requires RevisionSpace<std::remove_reference_t<std::invoke_result_t<Make>>>
void store_suite(Make make) {
    randomness random;
    std::map<revision_id, content> truth;

    /// A revision that becomes `wanted`, block by block where it differs from its parent.
    const auto write = [&](auto& writer, content now, const content& wanted) {
        now.resize(wanted.size(), '\0');
        for (std::size_t at = 0; at < wanted.size(); at += block_size) {
            const auto part = std::string_view(wanted).substr(at, block_size);
            if (std::string_view(now).substr(at, block_size) == part) continue;
            if (is_zero(bytes_of(part))) writer.zero({at, part.size()});
            else writer.write(at, bytes_of(part));
        }
    };
    const auto add = [&](const content& wanted, const std::optional<revision_id>& parent) {
        const auto id = fresh_id();
        auto&& store = make();
        auto writer = store.begin(id, wanted.size(), parent);
        write(writer, parent ? truth.at(*parent) : content(), wanted);
        image_suite(writer.seal(), wanted);
        writer.commit();
        truth[id] = wanted;
        return id;
    };
    const auto all_hold = [&] {
        for (const auto& [id, bytes] : truth) image_suite(make().open(id), bytes);
    };

    SECTION("a revision holds what was written, of any size, and nothing else") {
        for (const std::size_t size : {0ul, 1ul, 4096ul, 65535ul, 65536ul, 65537ul, 300'000ul, 5'000'001ul}) {
            INFO(size);
            add(some_volume(random, size), std::nullopt);
        }
        all_hold();
    }
    SECTION("one begun on a parent holds the parent's bytes, cut or extended by zeroes") {
        const auto parent = add(some_volume(random, 1'000'077), std::nullopt);
        for (const std::size_t size : {1'000'077ul, 1'000'076ul, 983'040ul, 70'000ul, 1ul, 0ul, 1'000'078ul, 1'100'000ul, 2'000'000ul}) {
            INFO(size);
            const auto id = fresh_id();
            auto&& store = make();
            auto writer = store.begin(id, size, parent);
            auto expected = truth.at(parent);
            expected.resize(size, '\0');
            image_suite(writer.seal(), expected);
            writer.commit();
            truth[id] = expected;
        }
        all_hold();
    }
    SECTION("what a cut took away does not come back when a later revision grows") {
        auto bytes = some_volume(random, 500'000);
        random.fill(bytes, 0, bytes.size());
        const auto first = add(bytes, std::nullopt);
        bytes.resize(100'000);
        const auto second = add(bytes, first);
        bytes.resize(500'000, '\0');
        add(bytes, second);
        all_hold();
    }
    SECTION("a long line of children leaves every older revision as it was, also when they go in any order") {
        std::vector<revision_id> line{add(some_volume(random, 700'000), std::nullopt)};
        for (int i = 0; i < 6; ++i) line.push_back(add(changed(random, truth.at(line.back()), 600'000 + random.below(200'000)), line.back()));
        all_hold();
        while (!line.empty()) {
            const auto gone = line.begin() + static_cast<std::ptrdiff_t>(random.below(line.size()));
            make().remove(*gone);
            truth.erase(*gone);
            CHECK_THROWS_AS(make().open(*gone), missing_revision);
            line.erase(gone);
            all_hold();
        }
    }
    SECTION("removing leaves nothing of a revision: never begun, half-written, sealed or committed, and once more") {
        const auto parent = add(some_volume(random, 200'000), std::nullopt);
        const auto bytes = changed(random, truth.at(parent), 220'000);
        for (const int stage : {0, 1, 2, 3}) {
            INFO(stage);
            const auto id = fresh_id();
            if (stage > 0) {
                auto&& store = make();
                auto writer = store.begin(id, bytes.size(), parent);
                write(writer, truth.at(parent), bytes);
                if (stage > 1) writer.seal();
                if (stage > 2) writer.commit();
            }
            make().remove(id);
            make().remove(id);
            CHECK_THROWS_AS(make().open(id), missing_revision);
            all_hold();
            truth[id] = bytes;  // the ID is free again, and nothing shines through
            auto&& store = make();
            auto writer = store.begin(id, bytes.size(), parent);
            write(writer, truth.at(parent), bytes);
            writer.seal();
            writer.commit();
            all_hold();
        }
    }
    SECTION("a revision that was not committed cannot be opened") {
        const auto id = fresh_id();
        auto&& store = make();
        auto writer = store.begin(id, 100, std::nullopt);
        CHECK_THROWS_AS(make().open(id), missing_revision);
        writer.seal();
        CHECK_THROWS_AS(make().open(id), missing_revision);
        writer.commit();
        CHECK(make().open(id).size() == 100);
    }
}

}  // namespace backy::conformance
