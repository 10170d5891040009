"""The sites of an agency in its cabinet: where the widget works, and what to put right."""
