"""The syntax of templates: lexer, parser and syntax tree."""
