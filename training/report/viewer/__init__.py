"""The viewer: a trial in the browser, as one self-contained HTML file."""
