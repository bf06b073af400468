#include "model/tokenizer/classes.h"

#include <string.h>
#include <strings.h>

/* Members since Unicode 14, which PCRE2 10.40 to 10.42 have; those of 15 to 16 know them, and
 * lose nothing. */
#define NEW_LU "\\x{1c89}\\x{a7cb}-\\x{a7cc}\\x{a7da}\\x{a7dc}\\x{10d50}-\\x{10d65}"
#define NEW_LL "\\x{1c8a}\\x{a7cd}\\x{a7db}\\x{10d70}-\\x{10d85}\\x{1df25}-\\x{1df2a}"
#define NEW_LM                                                                                     \
  "\\x{10d4e}\\x{10d6f}\\x{16d40}-\\x{16d42}\\x{16d6b}-\\x{16d6c}\\x{1e030}-\\x{1e06d}"            \
  "\\x{1e4eb}"
#define NEW_LO                                                                                     \
  "\\x{105c0}-\\x{105f3}\\x{10d4a}-\\x{10d4d}\\x{10d4f}\\x{10ec2}-\\x{10ec4}"                      \
  "\\x{1123f}-\\x{11240}\\x{11380}-\\x{11389}\\x{1138b}\\x{1138e}\\x{11390}-\\x{113b5}"            \
  "\\x{113b7}\\x{113d1}\\x{113d3}\\x{11bc0}-\\x{11be0}\\x{11f02}\\x{11f04}-\\x{11f10}"             \
  "\\x{11f12}-\\x{11f33}\\x{1342f}\\x{13441}-\\x{13446}\\x{13460}-\\x{143fa}"                      \
  "\\x{16100}-\\x{1611d}\\x{16d43}-\\x{16d6a}\\x{18cff}\\x{1b132}\\x{1b155}"                       \
  "\\x{1e4d0}-\\x{1e4ea}\\x{1e5d0}-\\x{1e5ed}\\x{1e5f0}\\x{2b739}\\x{2ebf0}-\\x{2ee5d}"            \
  "\\x{31350}-\\x{323af}"
#define NEW_M                                                                                      \
  "\\x{897}\\x{cf3}\\x{ece}\\x{10d69}-\\x{10d6d}\\x{10efc}-\\x{10eff}\\x{11241}"                   \
  "\\x{113b8}-\\x{113c0}\\x{113c2}\\x{113c5}\\x{113c7}-\\x{113ca}\\x{113cc}-\\x{113d0}"            \
  "\\x{113d2}\\x{113e1}-\\x{113e2}\\x{11f00}-\\x{11f01}\\x{11f03}\\x{11f34}-\\x{11f3a}"            \
  "\\x{11f3e}-\\x{11f42}\\x{11f5a}\\x{13440}\\x{13447}-\\x{13455}\\x{1611e}-\\x{1612f}"            \
  "\\x{1e08f}\\x{1e4ec}-\\x{1e4ef}\\x{1e5ee}-\\x{1e5ef}"
#define NEW_ND                                                                                     \
  "\\x{10d40}-\\x{10d49}\\x{116d0}-\\x{116e3}\\x{11bf0}-\\x{11bf9}\\x{11f50}-\\x{11f59}"           \
  "\\x{16130}-\\x{16139}\\x{16d70}-\\x{16d79}\\x{1ccf0}-\\x{1ccf9}\\x{1e4f0}-\\x{1e4f9}"           \
  "\\x{1e5f1}-\\x{1e5fa}"
#define NEW_P                                                                                      \
  "\\x{1b4e}-\\x{1b4f}\\x{1b7f}\\x{10d6e}\\x{113d4}-\\x{113d5}\\x{113d7}-\\x{113d8}"               \
  "\\x{11b00}-\\x{11b09}\\x{11be1}\\x{11f43}-\\x{11f4f}\\x{16d6d}-\\x{16d6f}\\x{1e5ff}"
#define NEW_S                                                                                      \
  "\\x{2427}-\\x{2429}\\x{2ffc}-\\x{2fff}\\x{31e4}-\\x{31e5}\\x{31ef}\\x{10d8e}-\\x{10d8f}"        \
  "\\x{1cc00}-\\x{1ccef}\\x{1cd00}-\\x{1ceb3}\\x{1f6dc}\\x{1f774}-\\x{1f776}"                      \
  "\\x{1f77b}-\\x{1f77f}\\x{1f7d9}\\x{1f8b2}-\\x{1f8bb}\\x{1f8c0}-\\x{1f8c1}"                      \
  "\\x{1fa75}-\\x{1fa77}\\x{1fa87}-\\x{1fa89}\\x{1fa8f}\\x{1faad}-\\x{1faaf}"                      \
  "\\x{1fabb}-\\x{1fabf}\\x{1fac6}\\x{1face}-\\x{1facf}\\x{1fada}-\\x{1fadc}\\x{1fadf}"            \
  "\\x{1fae8}-\\x{1fae9}\\x{1faf7}-\\x{1faf8}\\x{1fbcb}-\\x{1fbef}"
#define NEW_HAN "\\x{2b739}\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}"
#define NEW_ARABIC "\\x{897}\\x{10ec2}-\\x{10ec4}\\x{10efc}-\\x{10eff}"
#define NEW_CYRILLIC "\\x{1c89}-\\x{1c8a}\\x{1e030}-\\x{1e06d}\\x{1e08f}"
#define NEW_LATIN "\\x{a7cb}-\\x{a7cd}\\x{a7da}-\\x{a7dc}\\x{1df25}-\\x{1df2a}"
#define NEW_L NEW_LU NEW_LL NEW_LM NEW_LO
#define NEW_N NEW_ND "\\x{1d2c0}-\\x{1d2d3}"

static const struct Property {
  const char *name, *inside;
} property[] = {
    {"L", "\\p{L}" NEW_L},
    {"Lu", "\\p{Lu}" NEW_LU},
    {"Ll", "\\p{Ll}" NEW_LL},
    {"Lt", "\\p{Lt}"},
    {"Lm", "\\p{Lm}" NEW_LM},
    {"Lo", "\\p{Lo}" NEW_LO},
    {"M", "\\p{M}" NEW_M},
    {"N", "\\p{N}" NEW_N},
    {"Nd", "\\p{Nd}" NEW_ND},
    {"P", "\\p{P}" NEW_P},
    {"S", "\\p{S}" NEW_S},
    {"Z", "\\p{Z}"},
    {"Han", "\\p{sc:Han}" NEW_HAN},
    {"Hiragana", "\\p{sc:Hiragana}\\x{1b132}"},
    {"Katakana", "\\p{sc:Katakana}\\x{1b155}"},
    {"Hangul", "\\p{sc:Hangul}"},
    {"Latin", "\\p{sc:Latin}" NEW_LATIN},
    {"Greek", "\\p{sc:Greek}"},
    {"Cyrillic", "\\p{sc:Cyrillic}" NEW_CYRILLIC},
    {"Arabic", "\\p{sc:Arabic}" NEW_ARABIC},
    {"Thai", "\\p{sc:Thai}"},
};
const char class_names[] = "L, Lu, Ll, Lt, Lm, Lo, M, N, Nd, P, S, Z, Han, Hiragana, Katakana, "
                           "Hangul, Latin, Greek, Cyrillic, Arabic, Thai";

const char *class_property(const char *name, size_t count) {
  for (size_t i = 0; i < sizeof property / sizeof *property; i++)
    if (strlen(property[i].name) == count && strncasecmp(property[i].name, name, count) == 0)
      return property[i].inside;
  return NULL;
}

/* PCRE2's own \s has U+180E too. */
#define SPACE                                                                                      \
  "\\x{9}-\\x{d} "                                                                                 \
  "\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
const char class_space[] = SPACE;
const char class_digit[] = "\\p{Nd}" NEW_ND;

/* Letters and other alphabetics, marks, decimal digits, connectors. */
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}" NEW_L NEW_M NEW_ND
const char class_word[] = WORD;
/* Oniguruma's table of Latin-1, which a bracket does not ask, calls superscript digits and
 * fractions words. */
const char class_word_alone[] = WORD "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";
/* And Rust the two joiners. */
#define RUST_WORD WORD "\\x{200c}\\x{200d}"
const char class_rust_word[] = "[" RUST_WORD "]";
const char class_words[] = "[" RUST_WORD "]+|[^" RUST_WORD SPACE "]+";
const char class_rust_digit[] = "[\\p{N}" NEW_N "\\x{11de0}-\\x{11de9}\\x{16ff4}-\\x{16ff6}]";

/* Punctuation since Unicode 8, up to 18. */
#define LATER_PUNCTUATION                                                                          \
  "\\x{61d}\\x{9fd}\\x{a76}\\x{c77}\\x{c84}\\x{1b4e}-\\x{1b4f}\\x{1b7d}-\\x{1b7f}"                 \
  "\\x{2e43}-\\x{2e4f}\\x{2e52}-\\x{2e5d}\\x{2e60}-\\x{2e63}\\x{10d6e}\\x{10ead}\\x{10ed0}"        \
  "\\x{10f55}-\\x{10f59}\\x{10f86}-\\x{10f89}\\x{113d4}-\\x{113d5}\\x{113d7}-\\x{113d8}"           \
  "\\x{1144b}-\\x{1144f}\\x{1145a}-\\x{1145b}\\x{1145d}\\x{11660}-\\x{1166c}\\x{116b9}"            \
  "\\x{1183b}\\x{11944}-\\x{11946}\\x{119e2}\\x{11a3f}-\\x{11a46}\\x{11a9a}-\\x{11a9c}"            \
  "\\x{11a9e}-\\x{11aa2}\\x{11b00}-\\x{11b09}\\x{11be1}\\x{11c41}-\\x{11c45}"                      \
  "\\x{11c70}-\\x{11c71}\\x{11ef7}-\\x{11ef8}\\x{11f43}-\\x{11f4f}\\x{11fff}"                      \
  "\\x{12ff1}-\\x{12ff2}\\x{16d6d}-\\x{16d6f}\\x{16e97}-\\x{16e9a}\\x{16fe2}\\x{1e5ff}"            \
  "\\x{1e95e}-\\x{1e95f}"
/* That of Unicode 8, of which two characters are punctuation no more, and all of ASCII's. */
const char class_punctuation[] = "(?![" LATER_PUNCTUATION "])[\\p{P}$+<=>^`|~\\x{166d}\\x{111c9}]";
