"""What the outside world may answer, and that none of it is believed."""

import json
import logging
import time

import pytest

from routing.errors import InvalidTravel, TravelCancelled, TravelNonsense, TravelUnavailable
from routing.travel.http import Limits
from routing.travel.osrm import OsrmTravel
from routing.travel.source import Coordinates, Profile
from routing.travel.valhalla import ValhallaTravel
from routing.units import UNREACHABLE
from tests.road_fakes import Asked, Reply, fake_server, osrm_reply

PLACES = [Coordinates(51.0 + 0.01 * number, 8.0) for number in range(8)]
HASTY = Limits(timeout_s=5, attempts=3, backoff_s=0.01, longest_pause_s=0.05, concurrent=2)


def osrm(url, *, limits=HASTY, **options):
    return OsrmTravel(url, Profile.CAR, "a1", limits=limits, **options)


def changed(**fields):
    """Answer like OSRM, but for these fields."""
    return lambda asked: osrm_reply(asked, **fields)


class TestAServer:
    def test_is_asked_again_after_a_stumble(self):
        def stumbles(asked: Asked) -> Reply:
            return Reply(b"", status=503) if asked.number < 3 else osrm_reply(asked)

        with fake_server(stumbles) as server:
            travel = osrm(server.url).travel(PLACES)

        # 0.01 degrees of latitude are 1111.95 m; 1.4 times as far by road, at 20 m/s
        assert travel.metres[0, 1] == 1557
        assert travel.seconds[0, 1] == 78
        assert len(server.asked) == 3

    def test_is_given_the_time_that_it_asks_for(self):
        def busy(asked: Asked) -> Reply:
            headers = {"Retry-After": "1"}
            return Reply(b"{}", status=429, headers=headers) if asked.number == 1 else osrm_reply(asked)

        limits = Limits(attempts=2, backoff_s=0, longest_pause_s=0.3)
        with fake_server(busy) as server:
            begun = time.monotonic()
            osrm(server.url, limits=limits).travel(PLACES)

        assert time.monotonic() - begun >= 0.3  # a second, but never longer than the limit

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_is_given_up_after_some_attempts(self, status):
        with (
            fake_server(lambda _: Reply(b"<h1>busy</h1>", status=status)) as server,
            pytest.raises(TravelUnavailable, match=f"answers {status}, 3 times: see that it runs"),
        ):
            osrm(server.url).travel(PLACES)

    def test_that_dies_in_the_middle_of_a_matrix_is_unavailable(self):
        def dies(asked: Asked) -> Reply:
            reply = osrm_reply(asked)
            reply.cut = asked.number > 2
            return reply

        with fake_server(dies) as server, pytest.raises(TravelUnavailable, match="broke off"):
            osrm(server.url, table_size=2).travel(PLACES)

    def test_that_is_not_there_is_unavailable(self):
        with fake_server(osrm_reply) as server:
            url = server.url

        with pytest.raises(TravelUnavailable, match="cannot be reached"):
            osrm(url).travel(PLACES)

    @pytest.mark.parametrize("pieces", [1, 40])
    def test_that_answers_slowly_is_not_waited_for(self, pieces):
        def slow(asked: Asked) -> Reply:
            reply = osrm_reply(asked)
            reply.pause_s, reply.pieces = 0.8 / pieces, pieces
            return reply

        limits = Limits(timeout_s=0.3, attempts=1)
        with fake_server(slow) as server, pytest.raises(TravelUnavailable, match=r"longer than 0\.3 s"):
            osrm(server.url, limits=limits).travel(PLACES)

    def test_is_not_asked_more_at_once_than_allowed(self):
        def slow(asked: Asked) -> Reply:
            time.sleep(0.02)
            return osrm_reply(asked)

        with fake_server(slow) as server:
            osrm(server.url, table_size=2).travel(PLACES)

        assert len(server.asked) == 16
        assert server.most_at_once <= 2

    def test_is_no_longer_asked_once_nobody_waits(self):
        asked: list[Asked] = []

        def note(each: Asked) -> Reply:
            asked.append(each)
            return osrm_reply(each)

        with fake_server(note) as server, pytest.raises(TravelCancelled):
            OsrmTravel(
                server.url, Profile.CAR, "a1", table_size=2, limits=HASTY, cancel=lambda: len(asked) >= 3
            ).travel(PLACES)

        assert len(asked) < 10

    def test_may_not_send_more_than_fits(self):
        limits = Limits(attempts=1, most_bytes=2000)
        with (
            fake_server(lambda _: Reply(b"[" + b"1," * 5000 + b"1]")) as server,
            pytest.raises(TravelNonsense, match="is it a road server"),
        ):
            osrm(server.url, limits=limits).travel(PLACES)

    @pytest.mark.parametrize("status", [200, 301, 404])
    def test_that_answers_a_page_has_the_wrong_address(self, status):
        page = Reply(b"<html>Welcome</html>", status=status, headers={"Content-Type": "text/html"})
        with (
            fake_server(lambda _: page) as server,
            pytest.raises(TravelNonsense, match=f"answers {status} with text/html that is no JSON"),
        ):
            osrm(server.url).travel(PLACES)

    def test_is_named_without_its_password_or_a_place(self, caplog):
        caplog.set_level(logging.DEBUG)
        with fake_server(lambda _: Reply(b"{}", status=404)) as server:
            secret = server.url.replace("http://", "http://nurse:secret@")
            with pytest.raises(TravelNonsense) as refused:
                osrm(secret).travel(PLACES)

        told = str(refused.value) + caplog.text
        assert "secret" not in told
        assert "51.0" not in told

    @pytest.mark.parametrize("address", ["", "ftp://roads", "roads.example:5000", "http://"])
    def test_needs_an_address(self, address):
        with pytest.raises(InvalidTravel, match="must look like http"):
            osrm(address)


class TestOsrmAnswers:
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"durations": [[0.0]]}, "shape"),
            ({"durations": "soon"}, "not of numbers"),
            ({"durations": [["a"] * 8] * 8}, "not of numbers"),
            ({"durations": None}, "shape"),
            ({"durations": [[-1.0] * 8] * 8}, "negative"),
            ({"durations": [[1e12] * 8] * 8}, "years"),
            ({"distances": [[0.0] * 8] * 8}, "shorter than the straight line"),
            ({"distances": [[-9.0] * 8] * 8}, "negative or shorter"),
            ({"durations": [[0.0] * 8] * 8}, "no car can drive"),
            ({"sources": None}, "does not say where"),
            ({"sources": [{"location": [8, 51]}]}, "does not say where"),
            ({"sources": [{"location": None}] * 8}, "does not say where"),
            ({"sources": [{"location": ["8", None]}] * 8}, "without proper coordinates"),
            ({"sources": [{"location": [8.0, 551.0]}] * 8}, "without proper coordinates"),
            ({"move": 2.0}, r"moved a place 22\d\.\d km .* another region"),
            ({"code": None}, "does not speak OSRM's language"),
        ],
    )
    def test_that_cannot_be_meant_are_refused(self, fields, words):
        with fake_server(changed(**fields)) as server, pytest.raises(TravelNonsense, match=words):
            osrm(server.url).travel(PLACES)

    def test_with_a_few_wrong_lengths_are_mended_way_by_way(self):
        def answers(asked: Asked) -> Reply:
            if asked.service == "route":
                return Reply(b'{"code": "Ok", "routes": [{"distance": 1700.5}]}')
            reply = json.loads(osrm_reply(asked).body)
            reply["distances"][2][3] = -0.4
            reply["distances"][1][0] = 12.0  # for 1112 m of straight line
            return Reply(json.dumps(reply).encode())

        with fake_server(answers) as server:
            travel = osrm(server.url, radius_m=50).travel(PLACES)

        assert travel.metres[2, 3] == travel.metres[1, 0] == 1701
        assert travel.metres[0, 1] == 1557
        assert [asked.service for asked in server.asked].count("route") == 2

    @pytest.mark.parametrize("body", [{}, {"routes": []}, {"routes": [{"distance": None}]}])
    def test_with_a_wrong_length_and_no_way_are_refused(self, body):
        def answers(asked: Asked) -> Reply:
            if asked.service == "route":
                return Reply(json.dumps({"code": "Ok"} | body).encode())
            reply = json.loads(osrm_reply(asked).body)
            reply["distances"][2][3] = -0.4
            return Reply(json.dumps(reply).encode())

        with fake_server(answers) as server, pytest.raises(TravelNonsense, match=r"no way|straight line"):
            osrm(server.url).travel(PLACES)

    @pytest.mark.parametrize(("code", "words"), [("TooBig", "--max-table-size"), ("InvalidUrl", "OSRM 5")])
    def test_that_refuse_say_what_to_do(self, code, words):
        reply = Reply(json.dumps({"code": code, "message": "8.0,51.0"}).encode(), status=400)
        with fake_server(lambda _: reply) as server, pytest.raises(TravelUnavailable, match=words):
            osrm(server.url).travel(PLACES)

    def test_without_any_road_are_of_another_region(self):
        nothing = Reply(b'{"code": "NoSegment"}', status=400)
        with (
            fake_server(lambda _: nothing) as server,
            pytest.raises(TravelNonsense, match="none of 8 places"),
        ):
            osrm(server.url).travel(PLACES)

    def test_that_contradict_themselves_are_refused(self):
        def answers(asked: Asked) -> Reply:
            nothing = Reply(b'{"code": "NoSegment"}', status=400)
            return nothing if asked.service == "table" else osrm_reply(asked)

        with fake_server(answers) as server, pytest.raises(TravelNonsense, match="one by one"):
            osrm(server.url).travel(PLACES)

    @pytest.mark.parametrize(
        "routes",
        [
            None,
            [],
            [{"legs": []}],
            [{"legs": [{"duration": 1, "distance": 1, "steps": []}]}],
            [{"legs": [{"duration": None, "distance": 1, "steps": "x"}]}],
            [
                {
                    "legs": [
                        {"duration": 1, "distance": 1, "steps": [{"geometry": {"coordinates": [[8, 999]]}}]}
                    ]
                }
            ],
        ],
    )
    def test_of_ways_without_legs_are_refused(self, routes):
        waypoints = [{"location": [8.0, place.latitude]} for place in PLACES[:2]]
        reply = Reply(json.dumps({"code": "Ok", "waypoints": waypoints, "routes": routes}).encode())
        with fake_server(lambda _: reply) as server, pytest.raises(TravelNonsense, match="legs"):
            osrm(server.url).path(PLACES[:2])


class TestValhallaAnswers:
    def answer(self, located, table, status=200):
        def reply(asked: Asked) -> Reply:
            body = located if asked.path == "/locate" else table
            return Reply(json.dumps(body).encode(), status=200 if asked.path == "/locate" else status)

        return reply

    def located(self, move=0.0):
        return [
            {"edges": [{"correlated_lat": place.latitude + move, "correlated_lon": place.longitude}]}
            for place in PLACES[:2]
        ]

    @pytest.mark.parametrize(
        ("located", "words"),
        [
            ("x", "does not say where"),
            ([], "does not say where"),
            (["x", "y"], "does not say where"),
            ([{"edges": "x"}] * 2, "does not say where"),
            ([{"edges": [{}]}] * 2, "without proper coordinates"),
            ([{"edges": None}] * 2, "none of 2 places"),
        ],
    )
    def test_that_find_no_roads_are_refused(self, located, words):
        with (
            fake_server(self.answer(located, {})) as server,
            pytest.raises(TravelNonsense, match=words),
        ):
            ValhallaTravel(server.url, Profile.CAR, "a1", limits=HASTY).travel(PLACES[:2])

    @pytest.mark.parametrize(
        ("table", "words"),
        [
            ([], "3.5 or later"),
            ({"sources_to_targets": []}, "3.5 or later"),
            ({"sources_to_targets": {"durations": [[0, 60], [60, 0]]}}, "shape"),
            (
                {"sources_to_targets": {"durations": [[0, 1], [-1, 0]], "distances": [[0, 2], [2, 0]]}},
                "negative",
            ),
        ],
    )
    def test_that_hold_no_table_are_refused(self, table, words):
        with (
            fake_server(self.answer(self.located(), table)) as server,
            pytest.raises(TravelNonsense, match=words),
        ):
            ValhallaTravel(server.url, Profile.CAR, "a1", limits=HASTY).travel(PLACES[:2])

    def test_from_far_away_are_of_another_region(self):
        with (
            fake_server(self.answer(self.located(move=1), {})) as server,
            pytest.raises(TravelNonsense, match="another region"),
        ):
            ValhallaTravel(server.url, Profile.CAR, "a1", limits=HASTY).travel(PLACES[:2])

    @pytest.mark.parametrize(
        ("error", "kind", "words"),
        [
            ({"error_code": 150, "error": "Exceeded max"}, TravelUnavailable, "service_limits"),
            ({"error_code": 154, "error": "too far"}, TravelUnavailable, "farther apart"),
            ({"error": "no number"}, TravelNonsense, "Valhalla's language"),
        ],
    )
    def test_that_refuse_say_what_to_do(self, error, kind, words):
        with fake_server(self.answer(self.located(), error, 400)) as server, pytest.raises(kind, match=words):
            ValhallaTravel(server.url, Profile.CAR, "a1", limits=HASTY).travel(PLACES[:2])

    def test_that_refuse_a_whole_block_for_a_pair_are_asked_in_halves(self):
        places = PLACES[:5]
        cut_off = places[3].latitude

        def answers(asked: Asked) -> Reply:
            if asked.path == "/locate":
                found = asked.body["locations"]
                edges = [{"edges": [{"correlated_lat": p["lat"], "correlated_lon": p["lon"]}]} for p in found]
                return Reply(json.dumps(edges).encode())
            rows, columns = asked.body["sources"], asked.body["targets"]
            ends = {place["lat"] for place in rows}, {place["lat"] for place in columns}
            if any(cut_off in each for each in ends) and ends != ({cut_off}, {cut_off}):
                return Reply(b'{"error_code": 170, "error": "unconnected"}', status=400)
            km = [[150 * abs(row["lat"] - column["lat"]) for column in columns] for row in rows]
            table = {"durations": [[60 * each for each in row] for row in km], "distances": km}
            return Reply(json.dumps({"sources_to_targets": table}).encode())

        with fake_server(answers) as server:
            travel = ValhallaTravel(server.url, Profile.CAR, "a1", limits=HASTY).travel(places)

        reached = travel.seconds != UNREACHABLE
        assert reached.tolist() == [[(row == 3) == (column == 3) for column in range(5)] for row in range(5)]
        assert travel.metres[0, 4] == 6000  # 0.04 degrees at 150 km each

    @pytest.mark.parametrize("number", [154, 199])
    def test_that_refuse_a_way_or_a_look_say_what_to_do(self, number):
        error = Reply(json.dumps({"error_code": number, "error": "x"}).encode(), status=400)
        with fake_server(lambda _: error) as server:
            engine = ValhallaTravel(server.url, Profile.CAR, "a1", limits=HASTY)
            for ask in (engine.snap, engine.path):
                with pytest.raises(TravelUnavailable, match=f"error {number}"):
                    ask(PLACES[:2])

    def test_that_no_place_is_near_a_road_are_taken_for_that(self):
        error = Reply(b'{"error_code": 171, "error": "No suitable edges"}', status=400)
        with fake_server(lambda _: error) as server:
            engine = ValhallaTravel(server.url, Profile.CAR, "a1", limits=HASTY)

            assert [each.place for each in engine.snap(PLACES[:2])] == [None, None]

    @pytest.mark.parametrize("trip", [None, {}, {"legs": []}, {"legs": [{"summary": {}, "shape": "~"}]}])
    def test_of_ways_without_legs_are_refused(self, trip):
        with (
            fake_server(self.answer(self.located(), {"trip": trip})) as server,
            pytest.raises(TravelNonsense, match="legs"),
        ):
            ValhallaTravel(server.url, Profile.CAR, "a1", limits=HASTY).path(PLACES[:2])
