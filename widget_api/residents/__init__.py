"""Pages for residents: the report form, the private page of a report, mailed pages, the city's public pages."""
