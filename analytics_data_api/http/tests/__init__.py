import pytest

pytest.register_assert_rewrite("analytics_data_api.http.tests.shape")
