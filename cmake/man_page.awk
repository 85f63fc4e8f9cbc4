# SPDX-License-Identifier: GPL-3.0-or-later
# lowdown's roff for a reader's terminal. A table whose last column is "meaning", "is" or "when", with none but "default" between that
# and the first, becomes a list with the first column as its tags.

# What is code is copied and pasted: its characters stay what they are, where - would be a hyphen and ' a quotation mark.
function code(text) {
  gsub(/-/, "\\-", text); gsub(/'/, "\\(aq", text); gsub(/`/, "\\(ga", text); gsub(/\^/, "\\(ha", text); gsub(/~/, "\\(ti", text)
  return text
}
# Code within text is bold: \fC is no font of a terminal.
function spans(line,   out, at, end) {
  gsub(/\\f\(CB/, "\\fC", line)
  while ((at = index(line, "\\fC")) > 0) {
    out = out substr(line, 1, at - 1) "\\fB"; line = substr(line, at + 3)
    end = match(line, /\\f[A-Z]/); if (!end) end = length(line) + 1
    out = out code(substr(line, 1, end - 1)); line = substr(line, end)
  }
  return out line
}
# A paragraph begins only where there is text, and no heading before it.
function say(line) {
  if (line ~ /^\.[LP]P$/) { paragraph = !heading; return }
  heading = line ~ /^\.S[HS]/
  if (paragraph && !heading) print ".PP"
  paragraph = 0; print line
}
function default_of(text) { return text == "none" || columns < 3 ? "" : text == "required" ? " (required)" : " (default " text ")" }
function print_table(   i, j) {
  if (cell[1, columns] ~ /^(\\fB)?(meaning|is|when)/ && (columns == 2 || cell[1, 2] ~ /default/)) {
    for (i = 2; i <= rows; ++i) { say(".TP"); say(cell[i, 1] default_of(cell[i, 2])); say(cell[i, columns]) }
    say(".PP"); return
  }
  say(".TS\nallbox;")
  for (j = 1; j <= columns; ++j) printf "lb%s", j < columns ? " " : "\n"
  for (j = 1; j <= columns; ++j) printf "l%s", j < columns ? " " : "x.\n"
  for (i = 1; i <= rows; ++i)
    for (j = 1; j <= columns; ++j) printf("%s%s", (length(cell[i, j]) > 30 ? "T{\n" cell[i, j] "\nT}" : cell[i, j]), j < columns ? "\t" : "\n")
  print ".TE"
}
{ if ($0 == ".EX") example = 1; else if ($0 == ".EE") example = 0; else $0 = example ? code($0) : spans($0) }
# lowdown's table: T{, text, T}|T{, text, T} for each row.
/^\.TS/ { table = 1; rows = columns = column = 0; next }
/^\.TE/ { print_table(); table = 0; next }
table && /^T}\|T\{$/ { ++column; cell[rows, column] = ""; if (column > columns) columns = column; next }
table && /^T\{$/ { ++rows; column = 1; cell[rows, 1] = ""; next }
table && /^T}$/ { column = 0; next }
table { if (column) cell[rows, column] = cell[rows, column] (cell[rows, column] == "" ? "" : " ") $0; next }
/^\.S[HS]$/ { kind = $0; getline; say(kind " " $0); next }
{ say($0) }
