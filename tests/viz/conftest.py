from tests.jobs.conftest import fake_model as fake_model
