"""The service behind the widget: it takes residents' reports and keeps everyone informed about them."""

__version__ = "0.1.0"
