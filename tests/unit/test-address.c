/* SPDX-License-Identifier: MIT */
/* Tests of the address parser: one table of lists that are fine with what comes out, one of lists that are not with what is
 * said. */
#include "octets.h"

#include "core/base/error.h"
#include "core/message/address.h"
#include "core/message/domain.h"

static VdAddressList *
parse (const char *text, const char *default_domain, gboolean recipient, GError **error)
{
  const VdAddressContext context = { "field To", default_domain, recipient, FALSE };
  return vd_address_list_parse (text, strlen (text), &context, error);
}

static char *
paths_of (const VdAddressList *list)
{
  GString *paths = g_string_new (list->group ? "G " : NULL);
  for (guint i = 0; i < list->mailboxes->len; i++)
    {
      const VdMailbox *mailbox = g_ptr_array_index (list->mailboxes, i);
      g_string_append_printf (paths, "%s%s<%s>", i > 0 ? " " : "", mailbox->utf8 ? "8" : "", mailbox->path);
    }
  return g_string_free (paths, FALSE);
}

typedef struct
{
  const char *text;
  const char *paths;
} Row;

static void
check_rows (const Row *rows, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VdAddressList) list = parse (rows[i].text, NULL, TRUE, &error);
      if (list == NULL)
        g_error ("\"%s\": %s", rows[i].text, error->message);
      g_autofree char *paths = paths_of (list);
      if (strcmp (paths, rows[i].paths) != 0)
        g_error ("\"%s\" gave \"%s\" instead of \"%s\"", rows[i].text, paths, rows[i].paths);
    }
}

static void
test_lists (void)
{
  static const Row rows[] = {
    { "", "" },
    { " \t ", "" },
    { ",, ,", "" },
    { "a@b.example", "<a@b.example>" },
    { " a@b.example , c@d.example,", "<a@b.example> <c@d.example>" },
    { ",a@b.example,,c@d.example,,", "<a@b.example> <c@d.example>" },
    { "<a@b.example>", "<a@b.example>" },
    { "Joe Q. Public <john.q.public@example.com>", "<john.q.public@example.com>" },
    { "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>", "<mary@x.test> <jdoe@example.org> <one@y.test>" },
    { "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>", "<boss@nil.test> <sysservices@example.net>" },
    { "\"a, b\" <c@d.example>, (e, <f@g>) h@i.example", "<c@d.example> <h@i.example>" },
    { "Local.Part+Tag@Example.COM", "<Local.Part+Tag@Example.COM>" },
    { "!#$%&'*+-/=?^_`{|}~@b.example", "<!#$%&'*+-/=?^_`{|}~@b.example>" },
    { "a@localhost", "<a@localhost>" },
  };
  check_rows (rows, G_N_ELEMENTS (rows));
}

static void
test_groups (void)
{
  static const Row rows[] = {
    { "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;", "G <c@a.test> <joe@where.test> <jdoe@one.test>" },
    { "Undisclosed recipients:;", "G " },
    { "Undisclosed recipients:(nobody)(that I know)  ; ", "G " },
    { "x@y.example, \"G, 1\": , a@b.example,; , z@y.example", "G <x@y.example> <a@b.example> <z@y.example>" },
    { "a:b@c.example;,d:;,e@f.example", "G <b@c.example> <e@f.example>" },
  };
  check_rows (rows, G_N_ELEMENTS (rows));
}

static void
test_forms (void)
{
  static const Row rows[] = {
    /* RFC 5322, appendix A.5 and A.6.3 */
    { "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "<pete@silly.test>" },
    { "Chris Jones <c@(Chris's host.)public.example>", "<c@public.example>" },
    { "Joe Q. Public <john .  q . public@example . com>", "<john.q.public@example.com>" },
    { "((nested (deep)) \\( x) a@b.example (tail)", "<a@b.example>" },
    { "<@node.test:mary@example.net>, , jdoe@test  . example", "<mary@example.net> <jdoe@test.example>" },
    { "<@a.test,@b.test:c@d.test>", "<c@d.test>" },
    { "<,@a.test,,@b.test:c@d.test>", "<c@d.test>" },
    { "a@[192.0.2.1]", "<a@[192.0.2.1]>" },
    { "a@[IPv6:2001:db8::1], b@[ipv6:::ffff:192.0.2.1]", "<a@[IPv6:2001:db8::1]> <b@[ipv6:::ffff:192.0.2.1]>" },
    { "a@[X-Net:some.thing!]", "<a@[X-Net:some.thing!]>" },
    { "Postmaster, <POSTMASTER>", "<Postmaster> <POSTMASTER>" },
  };
  check_rows (rows, G_N_ELEMENTS (rows));
}

/* MAI-4: what needs no quotes loses them, what needs them keeps them: nothing ends the path or begins a parameter. */
static void
test_quoting (void)
{
  static const Row rows[] = {
    { "\"plain\"@b.example", "<plain@b.example>" },
    { "\"a.b\"@b.example", "<a.b@b.example>" },
    { "\"p\\lain\"@b.example", "<plain@b.example>" },
    { "a.\"b\".c@b.example", "<a.b.c@b.example>" },
    { "\"\"@b.example", "<\"\"@b.example>" },
    { "\"a b\"@b.example", "<\"a b\"@b.example>" },
    { "\"a..b\"@b.example", "<\"a..b\"@b.example>" },
    { "\".a\"@b.example, \"a.\"@b.example", "<\".a\"@b.example> <\"a.\"@b.example>" },
    { "\"a@b\"@c.example", "<\"a@b\"@c.example>" },
    { "\"a\\\"b\\\\c\"@d.example", "<\"a\\\"b\\\\c\"@d.example>" },
    { "\"a> ORCPT=x\"@d.example", "<\"a> ORCPT=x\"@d.example>" },
    { "\"a\\> SIZE=1 <\"@d.example", "<\"a> SIZE=1 <\"@d.example>" },
    { "\"a\".\"b c\"@d.example", "<\"a.b c\"@d.example>" },
    { "\"x(y)\"@d.example", "<\"x(y)\"@d.example>" },
  };
  check_rows (rows, G_N_ELEMENTS (rows));
}

static void
test_utf8 (void)
{
  static const Row rows[] = {
    { "J\xc3\xbcrgen <j@b.example>", "<j@b.example>" },
    { "j@b\xc3\xbc"
      "cher.example",
      "<j@xn--bcher-kva.example>" },
    { "j@B\xc3\x9c"
      "cher.example",
      "<j@xn--bcher-kva.example>" },
    { "j@stra\xc3\x9f"
      "e.example",
      "<j@xn--strae-oqa.example>" },                  /* non-transitional: sharp s stays itself */
    { "j@u\xcc\x88.example", "<j@xn--tda.example>" }, /* decomposed input is composed */
    { "j\xc3\xbcrgen@b.example", "8<j\xc3\xbcrgen@b.example>" },
    { "j\xc3\xbcrgen@b\xc3\xbc"
      "cher.example",
      "8<j\xc3\xbcrgen@b\xc3\xbc"
      "cher.example>" },
    { "\"j \xc3\xbc\"@b.example", "8<\"j \xc3\xbc\"@b.example>" },
    { "\xff\xfe raw latin <j@b.example>", "<j@b.example>" }, /* a display name is none of our business */
  };
  check_rows (rows, G_N_ELEMENTS (rows));
}

static void
test_refused (void)
{
  static const struct
  {
    const char *text;
    const char *said;
  } rows[] = {
    { "bob", "field To: \"bob\" has no domain: write the whole address, as in bob@example.org, at offset 0 of \"bob\"" },
    { "a@b.example, bob, c@d.example", "\"bob\" has no domain" },
    { "<bob>", "has no domain" },
    { "a b@c.example", "more than one word before \"@\"" },
    { "a@b.example c@d.example", "unexpected character, at offset 12 of \"a@b.example c@d.example\"" },
    { "a@b.example; c@d.example", "addresses are separated by commas" },
    { "a@@b.example", "the domain is missing" },
    { "a@b@c.example", "a second \"@\", at offset 3" },
    { "@b.example", "no local part before \"@\"" },
    { "a@", "the domain is missing" },
    { "a@.b.example", "the domain is missing" },
    { "a@b..example", "the domain has an empty label" },
    { "a@b.example.", "the domain has an empty label" },
    { ".a@b.example", "may not begin with a dot" },
    { "a..b@c.example", "two in a row" },
    { "a.@b.example", "may not end with a dot" },
    { "<>", "an empty address" },
    { "Joe <>", "an empty address" },
    { "Joe <a@b.example", "\">\" is missing" },
    { "a@b.example>", "unexpected character" },
    { "<a@b.example> x", "unexpected character, at offset 14" },
    { "Joe <a@b.example> (c) y", "unexpected character" },
    { "<@a.test c@d.test>", "a source route does not end with \":\"" },
    { "\"a@b.example", "a quoted string is not closed, at offset 0" },
    { "\"a\\", "a quoted string is not closed" },
    { "(a a@b.example", "a comment is not closed, at offset 0" },
    { "(a\\", "a comment is not closed" },
    { "G: a@b.example", "a group is not closed by \";\"" },
    { "G: H: a@b.example;;", "a group inside a group" },
    { ": a@b.example;", "a group has no name" },
    { "G:; a@b.example", "unexpected character" },
    { "a@[1.2.3]", "the domain \"[1.2.3]\" is not an IPv4 address in brackets, at offset 2" },
    { "a@[1.2.3.256]", "is not an IPv4 address" },
    { "a@[IPv6:zz::1]", "is not an IPv6 address after \"IPv6:\"" },
    { "a@[2001:db8::1]", "lacks its tag" },
    { "a@[:x]", "has a tag that is not" },
    { "a@[tag:]", "has nothing after its tag" },
    { "a@[tag:a b]", "holds a character that an address literal may not have" },
    { "a@[tag:a(b)]", "holds a character that an address literal may not have" },
    { "a@[tag:a\"b]", "holds a character that an address literal may not have" },
    { "<a@[tag:a> SIZE=1]>", "an address literal is not closed" },
    { "a@[1.2.3.4", "an address literal is not closed" },
    { "a@[1.2.3.4]x", "unexpected character" },
    { "a@1.2.3.4", "write it in brackets" },
    { "a@-b.example", "begins or ends with a hyphen" },
    { "a@b-.example", "begins or ends with a hyphen" },
    { "a@b_c.example", "only letters, digits, hyphens and dots" },
    { "a\xff@b.example", "the local part is not valid UTF-8" },
    { "a@b\xff.example", "is not valid UTF-8, at offset 2" },
    { "a\xc2\x85@b.example", "the local part holds a control character" },
    { "a@\xe2\x80\xae.example", "is not a valid internationalised domain name" },
    { "\"a\tb\"@c.example", "the local part holds a control character" },
    { "a\r\nRCPT TO:<x@y>", "a control character, at offset 1 of \"a\\x0D\\x0ARCPT TO:<x@y>\"" },
    { "a\n@b.example", "a control character" },
    { "\"a\r\n\"@b.example", "a control character, at offset 2" },
    { "a\x7f@b.example", "a control character" },
    { "a\x1b[31m@b.example", "\\x1B[31m" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VdAddressList) list = parse (rows[i].text, NULL, TRUE, &error);
      if (list != NULL)
        g_error ("\"%s\" was taken", rows[i].text);
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_ADDRESS);
      if (strstr (error->message, rows[i].said) == NULL)
        g_error ("\"%s\" gave \"%s\", not \"%s\"", rows[i].text, error->message, rows[i].said);
    }
}

/* A NUL is an octet like others to a size, so it must be seen. */
static void
test_nul (void)
{
  const VdAddressContext context = { "option originator", NULL, FALSE, FALSE };
  g_autoptr (GError) error = NULL;
  g_assert_null (vd_address_list_parse ("a@b.example\0> X", 15, &context, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_ADDRESS);
  g_assert_cmpstr (error->message, ==, "option originator: a control character, at offset 11 of \"a@b.example\\x00> X\"");
}

static char *
repeat (char c, gsize n)
{
  char *text = g_malloc (n + 1);
  memset (text, c, n);
  text[n] = '\0';
  return text;
}

static void
check_length (const char *text, gboolean fine)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VdAddressList) list = parse (text, NULL, TRUE, &error);
  if ((list != NULL) != fine)
    g_error ("\"%s\": %s", text, error == NULL ? "was taken" : error->message);
}

static void
test_lengths (void)
{
  g_autofree char *l64 = repeat ('l', 64);
  g_autofree char *l63 = repeat ('d', 63);
  g_autofree char *d255 = g_strdup_printf ("%s.%s.%s.%s", l63, l63, l63, l63);
  g_autofree char *local64 = g_strdup_printf ("%s@b.example", l64);
  g_autofree char *local65 = g_strdup_printf ("x%s@b.example", l64);
  g_autofree char *quoted64 = g_strdup_printf ("\"%.61s \"@b.example", l64);
  g_autofree char *quoted65 = g_strdup_printf ("\"%.62s \"@b.example", l64);
  g_autofree char *label63 = g_strdup_printf ("a@%s.example", l63);
  g_autofree char *label64 = g_strdup_printf ("a@x%s.example", l63);
  g_assert_cmpuint (strlen (d255), ==, 255);
  g_autofree char *path254 = g_strdup_printf ("a@%.252s", d255);
  g_autofree char *path255 = g_strdup_printf ("a@%.253s", d255);
  g_autofree char *domain256 = g_strdup_printf ("a@%sd", d255);
  check_length (local64, TRUE);
  check_length (local65, FALSE);
  check_length (quoted64, TRUE);
  check_length (quoted65, FALSE);
  check_length (label63, TRUE);
  check_length (label64, FALSE);
  check_length (path254, TRUE);
  check_length (path255, FALSE);
  check_length (domain256, FALSE);
}

static void
test_depth (void)
{
  g_autofree char *open = repeat ('(', 32);
  g_autofree char *close = repeat (')', 32);
  g_autofree char *fine = g_strconcat (open, close, "a@b.example", NULL);
  g_autofree char *deep = g_strconcat ("(", fine, NULL);
  g_autofree char *bomb = repeat ('(', 1000000);
  check_length (fine, TRUE);
  check_length (deep, FALSE);
  check_length (bomb, FALSE);
}

static void
test_one (void)
{
  const VdAddressContext context = { "option originator", NULL, FALSE, FALSE };
  static const struct
  {
    const char *text;
    const char *said;
  } rows[] = {
    { "a@b.example, c@d.example", "too many mailboxes in option originator: \"a@b.example, c@d.example\"" },
    { " ", "no mailbox in option originator: \" \"" },
    { "G:a@b.example;", "a group where one mailbox is needed in option originator" },
    { "Postmaster", "option originator: \"Postmaster\" has no domain" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (vd_address_parse_one (rows[i].text, strlen (rows[i].text), &context, &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_ADDRESS);
      g_assert_nonnull (strstr (error->message, rows[i].said));
    }
  const char *text = " \"B, \\\"x\\\"\" (c) <\"b\"@D.example> (d) ,";
  g_autoptr (VdMailbox) mailbox = vd_address_parse_one (text, strlen (text), &context, NULL);
  g_assert_nonnull (mailbox);
  g_assert_cmpstr (mailbox->given, ==, "\"B, \\\"x\\\"\" (c) <\"b\"@D.example> (d)");
  g_assert_cmpstr (mailbox->display, ==, "\"B, \\\"x\\\"\"");
  g_assert_cmpstr (mailbox->local, ==, "b");
  g_assert_cmpstr (mailbox->domain, ==, "D.example");
  g_assert_cmpstr (mailbox->path, ==, "b@D.example");
}

static void
test_default_domain (void)
{
  g_autoptr (VdAddressList) list = parse ("bob, Al <al>, c@d.example, postmaster", "home.example", TRUE, NULL);
  g_autofree char *paths = paths_of (list);
  g_assert_cmpstr (paths, ==, "<bob@home.example> <al@home.example> <c@d.example> <postmaster>");
  g_assert_null (parse ("bob", "[tag:>]", TRUE, NULL));
  g_assert_null (parse ("bob", "home.example\r\nX", TRUE, NULL));
  g_autoptr (VdAddressList) sender = parse ("postmaster", "home.example", FALSE, NULL);
  g_autofree char *completed = paths_of (sender);
  g_assert_cmpstr (completed, ==, "<postmaster@home.example>");
}

static void
test_equal (void)
{
  static const struct
  {
    const char *text;
    gboolean equal;
  } rows[] = {
    { "a@b.example, a@B.EXAMPLE", TRUE },
    { "A@b.example, a@b.example", FALSE },
    { "\"a\"@b.example, X <a@b.example>", TRUE },
    { "a@b\xc3\xbc"
      "cher.example, a@xn--bcher-KVA.example",
      TRUE },
    { "postmaster, POSTMASTER", TRUE },
    { "postmaster, postmaster@b.example", FALSE },
    { "\xc3\xbc@b\xc3\xbc"
      "cher.example, \xc3\xbc@xn--bcher-kva.example",
      TRUE },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VdAddressList) list = parse (rows[i].text, NULL, TRUE, NULL);
      g_assert_cmpuint (list->mailboxes->len, ==, 2);
      g_assert_cmpint (vd_mailbox_equal (g_ptr_array_index (list->mailboxes, 0), g_ptr_array_index (list->mailboxes, 1)), ==,
                       rows[i].equal);
    }
}

static void
test_phrase (void)
{
  static const struct
  {
    const char *in;
    const char *out;
  } rows[] = {
    { "Joe  Q.\tPublic", "Joe Q. Public" },
    { "\"a \\\"b\\\" (c)\"", "a \"b\" (c)" },
    { "a (comment (x) \\) y) b", "a b" },
    { " \"x\" y ", "x y" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *out = vd_phrase_text (rows[i].in, strlen (rows[i].in));
      g_assert_cmpstr (out, ==, rows[i].out);
    }
}

/* Whatever comes out can be read again and is the same: the path closes only where it should. */
static void
test_round_trip (void)
{
  static const char alphabet[] = "ab.@\"\\<>(),;: []\t=+\xc3\xbc";
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  guint taken = 0;
  for (int round = 0; round < 300000; round++)
    {
      char text[24];
      gsize n = (gsize) g_rand_int_range (rand, 1, 14);
      for (gsize i = 0; i < n; i++)
        text[i] = alphabet[g_rand_int_range (rand, 0, (gint32) sizeof alphabet - 1)];
      memcpy (text + n, "@b.cd", 6);
      const VdAddressContext context = { "field To", NULL, TRUE, FALSE };
      g_autoptr (VdAddressList) list = vd_address_list_parse (text, strlen (text), &context, NULL);
      for (guint i = 0; list != NULL && i < list->mailboxes->len; i++)
        {
          const VdMailbox *mailbox = g_ptr_array_index (list->mailboxes, i);
          g_autoptr (GError) error = NULL;
          g_autoptr (VdMailbox) again = vd_address_parse_one (mailbox->path, strlen (mailbox->path), &context, &error);
          g_assert_no_error (error);
          g_assert_cmpstr (again->path, ==, mailbox->path);
          g_assert_cmpstr (again->local, ==, mailbox->local);
          taken++;
        }
    }
  g_assert_cmpuint (taken, >, 1000);
}

/* The short way gives what the long one gives, or nothing. */
static guint
check_plain (const char *text)
{
  g_autoptr (VdMailbox) plain = vd_address_parse_plain (text, strlen (text));
  if (plain == NULL)
    return 0;
  g_autoptr (GError) error = NULL;
  g_autoptr (VdAddressList) list = parse (text, NULL, FALSE, &error);
  if (list == NULL)
    g_error ("\"%s\" is plain, but %s", text, error->message);
  g_assert_cmpuint (list->mailboxes->len, ==, 1);
  g_assert_false (list->group);
  const VdMailbox *mailbox = g_ptr_array_index (list->mailboxes, 0);
  g_assert_cmpstr (plain->given, ==, mailbox->given);
  g_assert_cmpstr (plain->display, ==, mailbox->display);
  g_assert_cmpstr (plain->local, ==, mailbox->local);
  g_assert_cmpstr (plain->domain, ==, mailbox->domain);
  g_assert_cmpstr (plain->ascii, ==, mailbox->ascii);
  g_assert_cmpstr (plain->path, ==, mailbox->path);
  g_assert_cmpint (plain->utf8, ==, mailbox->utf8);
  return 1;
}

static void
test_plain (void)
{
  static const char octets[] = "a1@.-_ <>\"\xc3";
  static const char *const frames[][2] = { { "", "" },
                                           { "a@", "" },
                                           { "<", ">" },
                                           { "Ann <", ">" },
                                           { "Ann", "b@c>" },
                                           { "<b@c", "" },
                                           { "A B. <", ">" },
                                           { "J\xc3\xb6rg B <", "> " },
                                           { "b@c.example", "" },
                                           { "(x) ", "" } };
  guint n = 0;
  for (gsize f = 0; f < G_N_ELEMENTS (frames); f++)
    for (guint number = 0; number < 11 * 11 * 11 * 11; number++)
      {
        char inner[5] = { 0 };
        guint rest = number;
        for (int i = 0; i < 4; i++, rest /= 11)
          inner[i] = octets[rest % 11];
        for (int i = 0; i < 4; i++)
          {
            g_autofree char *text = g_strconcat (frames[f][0], inner + i, frames[f][1], NULL);
            n += check_plain (text);
          }
      }
  g_assert_cmpuint (n, >, 5000);

  for (guint size = 60; size < 70; size++) /* the limits of local part, label and path */
    {
      g_autofree char *part = g_strnfill (size, 'a');
      g_autofree char *local = g_strconcat (part, "@b.example", NULL);
      g_autofree char *label = g_strconcat ("b@", part, ".example", NULL);
      g_autofree char *path = g_strdup_printf ("%s@%.60s.%.60s.%.60s.%s", "abcde", part, part, part, part);
      g_assert_cmpuint (check_plain (local), ==, size <= 64 ? 1 : 0);
      g_assert_cmpuint (check_plain (label), ==, size <= 63 ? 1 : 0);
      g_assert_cmpuint (check_plain (path), ==, size <= 63 && strlen (path) <= 254 ? 1 : 0);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/address/lists", test_lists);
  g_test_add_func ("/address/ADR-1-groups", test_groups);
  g_test_add_func ("/address/ADR-2-forms", test_forms);
  g_test_add_func ("/address/MAI-4-ADR-3-quoting", test_quoting);
  g_test_add_func ("/address/U8-4-utf8", test_utf8);
  g_test_add_func ("/address/CFG-1-MAI-6-refused", test_refused);
  g_test_add_func ("/address/CFG-1-nul", test_nul);
  g_test_add_func ("/address/MAI-5-lengths", test_lengths);
  g_test_add_func ("/address/ADR-5-depth", test_depth);
  g_test_add_func ("/address/ADR-4-one", test_one);
  g_test_add_func ("/address/seed-F-default-domain", test_default_domain);
  g_test_add_func ("/address/RCP-7-equal", test_equal);
  g_test_add_func ("/address/phrase", test_phrase);
  g_test_add_func ("/address/plain", test_plain);
  g_test_add_func ("/address/round-trip", test_round_trip);
  return g_test_run ();
}
