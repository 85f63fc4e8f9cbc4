// SPDX-License-Identifier: GPL-3.0-or-later
// A .rev file, as it is and with a seal that is right.
#include "target.hpp"

#include <backy/catalogs/files.hpp>
#include <backy/history/specifier.hpp>

using namespace backy;
using fuzz::must;

namespace {

const revision_id id = "n3cFkF9ZbGcDoQk3Yy5kHD";  // the corpus has it too

void look_at(const std::string& text) {
    static const auto repository = fuzz::scratch();
    static catalogs::files<> catalog(repository);
    fuzz::write_file(repository / (id + ".rev"), text);
    const auto h = catalog.read();
    must(h.revisions.size() + h.damaged.size() == 1 && h.strangers.empty(), "a .rev is a revision or is damaged");
    if (h.revisions.empty()) return;
    const auto& r = h.revisions[0];
    must(&resolve(h, id) == &r, "it is what its file is called");
    const bool proven = catalogs::detail::seal_of(text) == catalogs::detail::seal::whole;
    must(proven || (!r.sequence && !r.digests), "what is not sealed proves nothing");
    must(h.next_sequence() > r.sequence.value_or(0), "the next one comes later");
    try {
        catalog.put(r);
    } catch (const error& e) {
        must(false, e.what());
    }
    const auto again = catalog.read();
    must(again.revisions.size() == 1 && config::print(to_section(again.revisions[0])) == config::print(to_section(r)), "what is written is read as the same");
}

}  // namespace

void fuzz::one(std::string_view input) {
    const std::string text(input);
    look_at(text);
    look_at(catalogs::detail::sealed(text));
}
