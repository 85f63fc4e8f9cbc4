// SPDX-License-Identifier: GPL-3.0-or-later
// .run, as it is and with a seal that is right.
#include "target.hpp"

#include <backy/catalogs/files.hpp>

using namespace backy;
using fuzz::must;

namespace {

void look_at(const std::string& text) {
    static const auto repository = fuzz::scratch();
    static catalogs::files<> catalog(repository);
    fuzz::write_file(repository / ".run", text);
    std::optional<announcement> a;
    try {
        a = catalog.announced();
    } catch (const error&) {
        must(catalog.read().strangers.size() == 1, "one that cannot be read is told of");
        return;
    }
    must(a && catalogs::detail::seal_of(text) == catalogs::detail::seal::whole, "only what is sealed announces anything");
    for (const auto* const ids : {&a->revisions, &a->snapshots})
        for (const auto& id : *ids) must(is_revision_id(id), "only an ID becomes a name of something to be removed");
    must(catalog.read().strangers.empty(), "what is being made is no stranger");
    catalog.announce(*a);
    const auto b = catalog.announced();
    must(b && a->revisions == b->revisions && a->snapshots == b->snapshots && a->source == b->source, "what is announced is read as the same");
}

}  // namespace

void fuzz::one(std::string_view input) {
    const std::string text(input);
    look_at(text);
    look_at(catalogs::detail::sealed(text));
}
