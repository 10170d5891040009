"""Installation for webmasters: the code to embed, counts of where the widget was seen, checks of pages."""
