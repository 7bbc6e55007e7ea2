"""The course: units, data and the tools that grade."""
