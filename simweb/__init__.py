"""The site: thin views, presenters that know no request, templates. Everything simulated comes from `simcore`."""
