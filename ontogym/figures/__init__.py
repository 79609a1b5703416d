"""Every picture the package draws: style, layout of networks, a life, curves, films, pages."""
