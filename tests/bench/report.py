# SPDX-License-Identifier: MIT
"""report.py: figures as text: on the terminal while it runs, and as the Markdown that docs/performance.md shows."""


def number(value, digits):
    return '–' if value is None else f'{value:,.{digits}f}'


def best_first(table):
    """(name, median, quartiles), the best first."""
    rows = [(name, entry['median'], entry['quartiles']) for name, entry in table['subjects'].items()]
    return sorted(rows, key=lambda row: row[1], reverse=table['better'] == 'higher')


def short(value):
    """Three digits that say something."""
    if value is None:
        return '–'
    return f'{value:,.0f}' if abs(value) >= 100 else f'{value:.1f}' if abs(value) >= 10 else f'{value:.2f}' if abs(value) >= 1 else f'{value:.3f}'


def limit(bar):
    return f'{"≤" if bar["relation"] == "<=" else "≥"} {short(bar["limit"])}'


def bars(found):
    lines = []
    for bar in found:
        if bar['figure'] is None:
            lines.append(f'  MISSED  {bar["what"]}: could not be measured')
            continue
        unit = f' {bar["unit"]}' if bar['unit'] else ''
        lines.append(f'  {"met   " if bar["met"] else "MISSED"}  {bar["what"]}: {short(bar["figure"])}{unit} ({limit(bar)})')
    return '\n'.join(lines)


def show(tables, found):
    lines = []
    for table in (table.json() for table in tables):
        lines.append(f'  {table["title"]} ({table["unit"]})')
        for name, middle, (low, high) in best_first(table):
            digits = table['digits']
            lines.append(f'    {name:24} {number(middle, digits):>12}   [{number(low, digits)} .. {number(high, digits)}]')
        for name, why in table['broken'].items():
            lines.append(f'    {name:24} not measured: {why}')
    lines.append(bars([bar.json() for bar in found]))
    return '\n'.join(lines)


def cell(text):
    return text.replace('|', '\\|').replace('\n', ' ')


def bars_table(found):
    lines = ['| what | measured | bar | |', '|---|---:|---:|---|']
    for bar in found:
        unit = f' {bar["unit"]}' if bar['unit'] else ''
        wanted = limit(bar) if bar['limit'] is not None else ''
        lines.append(f'| {cell(bar["what"])} | {short(bar["figure"])}{unit} | {wanted} | {"met" if bar["met"] else "**missed**"} |')
    return '\n'.join(lines)


def table_text(table):
    lines = [f'| {table["unit"]} | median | half of the rounds between |', '|---|---:|---:|']
    digits = table['digits']
    for name, middle, (low, high) in best_first(table):
        shown = f'**{name}**' if name.startswith(('Vereda', 'smtp-tool')) else name
        lines.append(f'| {shown} | {number(middle, digits)} | {number(low, digits)} – {number(high, digits)} |')
    for name, why in table['broken'].items():
        lines.append(f'| {name} | not measured | {cell(why)} |')
    return '\n'.join(lines)


def machine_text(machine):
    virtual = ', a virtual machine' if machine['virtual'] else ''
    versions = ', '.join(f'{name} {version}' for name, version in machine['versions'].items())
    return (f'Measured on {machine["date"]}, revision `{machine["revision"]}`: {machine["processor"]}, {machine["processors"]} processors, '
            f'{machine["memory_mb"] // 1024} GB{virtual}; {machine["system"]}, {machine["kernel"]}; {machine["compiler"]}. '
            f'Load average at the start: {machine["load"]:.1f}.\n\nPeers: {versions}.')


def markdown(results, plots):
    parts = [f'Made by `{results["command"]}`.  {machine_text(results["machine"])}', '### The bars', bars_table(results['bars'])]
    for table in results['tables']:
        parts.append(f'### {table["title"]}' if table['title'][0].isupper() else f'#### {table["title"]}')
        parts += table['notes']
        if table['name'] in plots:
            parts.append(f'![{table["title"]}, as in the table below]({plots[table["name"]]})')
        parts.append(table_text(table))
    return '\n\n'.join(parts) + '\n'
