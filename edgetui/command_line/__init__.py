"""The commands behind `edgetui`: one file each, imported when called. They drive jobs and print what happens."""
