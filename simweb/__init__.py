"""The site: thin views, presenters that know no request, templates. All that is simulated is `simcore`."""
