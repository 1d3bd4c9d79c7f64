"""Reports: what people read. Pure rendering of tables into pictures, HTML and Markdown; no numbers are computed here."""
