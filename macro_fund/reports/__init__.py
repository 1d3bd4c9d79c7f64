"""Reports: what people read. Rendering of tables into pictures, HTML and Markdown; no numbers are computed here."""
