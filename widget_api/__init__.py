"""The service behind the widget: it takes residents' reports and keeps everyone informed about them."""

__version__ = "1.2.0.dev0"
