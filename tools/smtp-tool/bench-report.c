/* SPDX-License-Identifier: MIT */
/* bench-report - tells what was measured: to people, as one JSON document, or as CSV (RFC 4180 but for its CR).
 *
 * Times are of single messages, from handing over (or from when one was due) to the verdict. */
#include "bench.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

static const double percents[] = { 50, 90, 99, 99.9 };
static const char *const percent_names[] = { "p50", "p90", "p99", "p99_9" };

static double
per_second (guint64 count, const BenchFigures *figures)
{
  return figures->seconds > 0 ? (double) count / figures->seconds : 0;
}

static guint64
finished (const BenchFigures *figures)
{
  return figures->sent + figures->refused + figures->unknown;
}

static double
per_message (double seconds, const BenchFigures *figures)
{
  return finished (figures) > 0 ? seconds * 1e6 / (double) finished (figures) : 0;
}

static double
microseconds (guint64 nanoseconds)
{
  return (double) nanoseconds / 1000;
}

/* ---- people ---- */

/* "850 ns", "12.3 µs", "4.56 ms", "1.20 s" */
static char *
time_words (guint64 nanoseconds)
{
  const double value = (double) nanoseconds;

  if (value < 1e3)
    return g_strdup_printf ("%.0f ns", value);
  if (value < 1e6)
    return g_strdup_printf ("%.1f µs", value / 1e3);
  if (value < 1e9)
    return g_strdup_printf ("%.2f ms", value / 1e6);
  return g_strdup_printf ("%.2f s", value / 1e9);
}

static char *
size_words (gsize size)
{
  if (size >= 1024 * 1024 && size % (1024 * 1024) == 0)
    return g_strdup_printf ("%" G_GSIZE_FORMAT " MiB", size / 1024 / 1024);
  if (size >= 1024 && size % 1024 == 0)
    return g_strdup_printf ("%" G_GSIZE_FORMAT " KiB", size / 1024);
  return g_strdup_printf ("%" G_GSIZE_FORMAT " octets", size);
}

static void
print_heading (const BenchReport *report)
{
  const BenchSettings *settings = report->settings;
  g_autoptr (GString) sizes = g_string_new (NULL);
  g_autofree char *server = text_one_line (report->server);

  for (guint i = 0; i < settings->sizes->len; i++)
    {
      g_autofree char *words = size_words (g_array_index (settings->sizes, gsize, i));
      g_string_append_printf (sizes, "%s%s", i > 0 ? ", " : "", words);
    }
  printf ("%s: %u connection%s, messages of %s, pipelining %s, %u ahead for each connection", server, settings->connections,
          settings->connections == 1 ? "" : "s", sizes->str, report->pipelining, settings->ahead);
  if (settings->rate > 0)
    printf (", %g a second", settings->rate);
  putchar ('\n');
}

static void
print_one (const BenchFigures *figures)
{
  g_autofree char *mean = time_words (bench_latency_mean (&figures->latency));
  g_autofree char *most = time_words (figures->latency.most);

  if (figures->transport != NULL)
    printf ("  over        %s%s%s\n", figures->transport, figures->mechanism != NULL ? ", " : "",
            figures->mechanism != NULL ? figures->mechanism : "");
  printf ("  messages    %" G_GUINT64_FORMAT " sent, %" G_GUINT64_FORMAT " not sent, %" G_GUINT64_FORMAT
          " unknown, in %.3f s\n",
          figures->sent, figures->refused, figures->unknown, figures->seconds);
  printf ("  rate        %.0f messages/s, %.2f MB/s\n", per_second (figures->sent, figures),
          per_second (figures->octets, figures) / 1e6);
  printf ("  time        mean %s", mean);
  for (guint i = 0; i < G_N_ELEMENTS (percents); i++)
    {
      g_autofree char *words = time_words (bench_latency_percentile (&figures->latency, percents[i]));
      printf (", %g %%: %s", percents[i], words);
    }
  printf (", most %s\n", most);
  printf ("  CPU here    %.2f µs a message (%.2f user, %.2f system), %.0f %% of one processor\n",
          per_message (figures->user + figures->system, figures), per_message (figures->user, figures),
          per_message (figures->system, figures),
          figures->seconds > 0 ? 100 * (figures->user + figures->system) / figures->seconds : 0);
}

/* The server does not offer it, or it lacks what it needs: of a table of all mechanisms that is most of them. */
static gboolean
is_unusable (const BenchFigures *figures)
{
  return figures->sent == 0 && !figures->asked
         && (g_error_matches (figures->error, VEREDA_ERROR, VEREDA_ERROR_AUTH)
             || g_error_matches (figures->error, VEREDA_ERROR, VEREDA_ERROR_POLICY));
}

static void
print_table (const BenchReport *report)
{
  g_autoptr (GString) unusable = g_string_new (NULL);
  int width = 4;

  for (guint i = 0; i < report->rows->len; i++)
    width = MAX (width, (int) strlen (((const BenchCase *) report->cases->pdata[i])->name));
  printf ("%-*s  %10s  %9s  %9s  %9s  %9s  %12s\n", width, "NAME", "MESSAGES/S", "MB/S", "50 %", "99 %", "MOST", "CPU/MESSAGE");
  for (guint i = 0; i < report->rows->len; i++)
    {
      const BenchCase *one = report->cases->pdata[i];
      const BenchFigures *figures = report->rows->pdata[i];
      g_autofree char *half = time_words (bench_latency_percentile (&figures->latency, 50));
      g_autofree char *most_of = time_words (bench_latency_percentile (&figures->latency, 99));
      g_autofree char *most = time_words (figures->latency.most);

      if (figures->sent > 0)
        /* columns are counted in octets, and the µ has two of them */
        printf ("%-*s  %10.0f  %9.2f  %*s  %*s  %*s  %9.2f µs\n", width, one->name, per_second (figures->sent, figures),
                per_second (figures->octets, figures) / 1e6, strstr (half, "µ") ? 10 : 9, half, strstr (most_of, "µ") ? 10 : 9,
                most_of, strstr (most, "µ") ? 10 : 9, most, per_message (figures->user + figures->system, figures));
      if (is_unusable (figures))
        g_string_append_printf (unusable, "%s%s", unusable->len > 0 ? ", " : "", one->name);
      else if (figures->error != NULL)
        {
          g_autofree char *text = text_one_line (figures->error->message);
          printf ("%-*s  %s\n", width, figures->sent > 0 ? "" : one->name, text);
        }
    }
  if (unusable->len > 0)
    printf ("Not offered, or without what they need: %s\n", unusable->str);
}

static void
tell_people (const BenchReport *report, const GError *fatal)
{
  static const char *const usage[] = { "smtp-tool help bench", NULL };
  const GError *error = fatal;

  for (guint i = 0; i < report->warnings->len; i++)
    fprintf (stderr, "smtp-tool: warning: %s\n", (const char *) report->warnings->pdata[i]);
  if (fatal == NULL && report->rows->len > 0)
    {
      const BenchFigures *first = report->rows->pdata[0];

      print_heading (report);
      if (report->table != BENCH_ONE)
        print_table (report);
      else if (finished (first) > 0)
        print_one (first);
      if (report->table == BENCH_ONE)
        error = first->error;
    }
  fflush (stdout);
  if (error == NULL)
    return;
  g_autofree char *text = text_one_line (error->message);
  report_problem (NULL, text, exit_of_error (error) == EXIT_USAGE ? usage : NULL);
}

/* ---- machines ---- */

static json_t *
latency_object (const BenchLatency *latency)
{
  json_t *object
      = json_pack ("{s:f, s:f}", "mean", microseconds (bench_latency_mean (latency)), "min", microseconds (latency->least));

  for (guint i = 0; i < G_N_ELEMENTS (percents); i++)
    json_object_set_new (object, percent_names[i], json_real (microseconds (bench_latency_percentile (latency, percents[i]))));
  json_object_set_new (object, "max", json_real (microseconds (latency->most)));
  return object;
}

static json_t *
row_object (const BenchCase *one, const BenchFigures *figures)
{
  json_t *object = json_object ();

  json_object_set_new (object, "name", report_string (one->name));
  json_object_set_new (object, "transport", report_string (figures->transport));
  json_object_set_new (object, "mechanism", report_string (figures->mechanism));
  json_object_set_new (object, "connections", json_integer (figures->connections));
  json_object_set_new (object, "sent", json_integer ((json_int_t) figures->sent));
  json_object_set_new (object, "not_sent", json_integer ((json_int_t) figures->refused));
  json_object_set_new (object, "unknown", json_integer ((json_int_t) figures->unknown));
  json_object_set_new (object, "octets", json_integer ((json_int_t) figures->octets));
  json_object_set_new (object, "seconds", json_real (figures->seconds));
  json_object_set_new (object, "messages_per_second", json_real (per_second (figures->sent, figures)));
  json_object_set_new (object, "octets_per_second", json_real (per_second (figures->octets, figures)));
  json_object_set_new (object, "latency_us", figures->latency.count > 0 ? latency_object (&figures->latency) : json_null ());
  json_object_set_new (object, "cpu_user_us", json_real (per_message (figures->user, figures)));
  json_object_set_new (object, "cpu_system_us", json_real (per_message (figures->system, figures)));
  json_object_set_new (object, "error", report_error (figures->error, NULL));
  return object;
}

static json_t *
settings_object (const BenchReport *report)
{
  const BenchSettings *settings = report->settings;
  json_t *sizes = json_array ();

  for (guint i = 0; i < settings->sizes->len; i++)
    json_array_append_new (sizes, json_integer ((json_int_t) g_array_index (settings->sizes, gsize, i)));
  return json_pack ("{s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:I, s:i}", "server", report_string (report->server), "pipelining",
                    report_string (report->pipelining), "connections", (int) settings->connections, "sizes", sizes, "messages",
                    settings->messages > 0 ? json_integer ((json_int_t) settings->messages) : json_null (), "duration",
                    settings->duration > 0 ? json_real (settings->duration) : json_null (), "rate",
                    settings->rate > 0 ? json_real (settings->rate) : json_null (), "warm_up", (json_int_t) settings->warm_up,
                    "ahead", (int) settings->ahead);
}

static void
tell_json (const BenchReport *report, const GError *fatal, ExitStatus status, int number)
{
  static const char *const names[] = { "one", "transport", "auth" };
  const Outcome outcome = { status, FALSE, number };
  json_t *warnings = json_array ();
  json_t *rows = json_array ();
  json_t *document = json_object ();

  for (guint i = 0; i < report->warnings->len; i++)
    json_array_append_new (warnings, report_string (report->warnings->pdata[i]));
  for (guint i = 0; i < report->rows->len; i++)
    json_array_append_new (rows, row_object (report->cases->pdata[i], report->rows->pdata[i]));
  json_object_set_new (document, "schema", json_string ("smtp-tool/bench/1"));
  json_object_set_new (document, "exit", report_exit (&outcome));
  json_object_set_new (document, "error", report_error (fatal, NULL));
  json_object_set_new (document, "warnings", warnings);
  json_object_set_new (document, "by", json_string (names[report->table]));
  json_object_set_new (document, "settings", fatal == NULL ? settings_object (report) : json_null ());
  json_object_set_new (document, "rows", rows);
  (void) report_print (document);
}

static void
print_quoted (const char *text)
{
  putchar ('"');
  for (; text != NULL && *text != '\0'; text++)
    {
      if (*text == '"')
        putchar ('"');
      putchar (*text);
    }
  putchar ('"');
}

/* A number as every reader of CSV understands it, whatever the locale says. */
static void
print_number (double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  printf (",%s", g_ascii_formatd (text, sizeof text, "%.3f", number));
}

static void
tell_csv (const BenchReport *report, const GError *fatal)
{
  puts ("name,transport,mechanism,connections,sent,not_sent,unknown,octets,seconds,messages_per_second,octets_per_second,"
        "latency_mean_us,latency_min_us,latency_p50_us,latency_p90_us,latency_p99_us,latency_p99_9_us,latency_max_us,"
        "cpu_user_us,cpu_system_us,error");
  for (guint i = 0; i < report->rows->len; i++)
    {
      const BenchCase *one = report->cases->pdata[i];
      const BenchFigures *figures = report->rows->pdata[i];
      const BenchLatency *latency = &figures->latency;
      g_autofree char *error = figures->error != NULL ? text_one_line (figures->error->message) : NULL;

      print_quoted (one->name);
      putchar (',');
      print_quoted (figures->transport);
      putchar (',');
      print_quoted (figures->mechanism);
      printf (",%u,%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT, figures->connections,
              figures->sent, figures->refused, figures->unknown, figures->octets);
      print_number (figures->seconds);
      print_number (per_second (figures->sent, figures));
      print_number (per_second (figures->octets, figures));
      print_number (microseconds (bench_latency_mean (latency)));
      print_number (microseconds (latency->least));
      for (guint k = 0; k < G_N_ELEMENTS (percents); k++)
        print_number (microseconds (bench_latency_percentile (latency, percents[k])));
      print_number (microseconds (latency->most));
      print_number (per_message (figures->user, figures));
      print_number (per_message (figures->system, figures));
      putchar (',');
      print_quoted (error);
      putchar ('\n');
    }
  fflush (stdout);
  if (fatal != NULL)
    {
      g_autofree char *text = text_one_line (fatal->message);
      report_problem (NULL, text, NULL);
    }
}

void
bench_report (const BenchReport *report, const GError *fatal, ExitStatus status, int number)
{
  switch (report->format)
    {
    case BENCH_JSON:
      tell_json (report, fatal, status, number);
      break;
    case BENCH_CSV:
      tell_csv (report, fatal);
      break;
    case BENCH_HUMAN:
    default:
      tell_people (report, fatal);
      break;
    }
}
