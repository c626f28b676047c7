using System.Xml.Linq;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Reports;
using Ledger.Chaos.Workload;

namespace Ledger.Chaos.Tests;

/// <summary>What is told of a run: outages from probes, effects of faults, and a picture that is well-formed.</summary>
public sealed class ReportTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void An_outage_lasts_from_the_first_probe_that_failed_to_the_end_of_the_next_that_succeeded()
    {
        var outages = Availability.OutagesOf(
            [
                Probe(0, 1 * Second, 1.1, ok: true),
                Probe(0, 2 * Second, 3, ok: false),
                Probe(0, 4 * Second, 5, ok: false),
                Probe(0, 6 * Second, 6.5, ok: true),
                Probe(1, 2 * Second, 2.2, ok: true),
            ],
            shards: 2);
        outages.ShouldBe([new Outage(0, 2 * Second, (long)(6.5 * Second))]);
    }

    [Fact]
    public void A_late_success_is_an_outage_and_one_that_never_ends_lasts_to_the_end()
    {
        var outages = Availability.OutagesOf(
            [Probe(0, Second, 4, ok: true), Probe(1, Second, 2, ok: false), Probe(0, 5 * Second, 5.1, ok: true)],
            shards: 2);
        outages.ShouldBe(
            [new Outage(0, Second, 4 * Second), new Outage(1, Second, (long)(5.1 * Second))], ignoreOrder: true);
    }

    [Fact]
    public void A_fault_is_told_by_what_it_did_to_the_struck_node_and_elsewhere()
    {
        var fault = new FaultRecord
        {
            Number = 0,
            Kind = "kill",
            Target = "node1 (oldest)",
            From = 10 * Second,
            To = 12 * Second,
            Recovered = 16 * Second,
        };
        CallPoint[] points =
        [
            Probe(0, 9 * Second, 9.1, ok: true),
            Probe(1, 11 * Second, 12, ok: false),
            Probe(1, 13 * Second, 15, ok: true),
            Probe(0, 11 * Second, 11.2, ok: true),
            Probe(1, 20 * Second, 20.1, ok: true),
        ];
        var effect = Availability.Of(points, [new FaultWindow(fault, [0, 1])], shards: 2).Effects
            .ShouldHaveSingleItem();
        effect.FirstFailure.ShouldBe(1);
        effect.Restored.ShouldBe(5);
        effect.Lost.ShouldBe(2);
        effect.Failures.ShouldBe(1);
        effect.ElsewhereFailures.ShouldBe(0);
        effect.ElsewhereP99.ShouldBe(200);
    }

    [Fact]
    public void The_picture_is_well_formed_and_has_all_in_it()
    {
        var fault = new FaultRecord { Number = 0, Kind = "a<b", Target = "x & y", From = Second, To = 2 * Second };
        var availability = Availability.Of(
            [Probe(0, Second, 2, ok: false), Probe(0, 3 * Second, 3.2, ok: true)], [new FaultWindow(fault, [0])],
            shards: 1);
        var picture = XDocument.Parse(TimelineSvg.Draw(availability, "a title with < and &"));
        picture.Root!.Name.LocalName.ShouldBe("svg");
        var text = string.Concat(picture.DescendantNodes().OfType<XText>().Select(static node => node.Value));
        text.ShouldContain("a<b x & y");
        text.ShouldContain("a title with < and &");
        XDocument.Parse(TimelineSvg.Draw(Availability.Of([], [], shards: 1), "nothing")).Root.ShouldNotBeNull();
    }

    private static CallPoint Probe(int shard, long invoke, double complete, bool ok) => new(
        invoke, (long)(complete * Second), CallKind.Transfer, ok ? CallOutcome.Ok : CallOutcome.Unknown, Failed: !ok,
        OnTheWay: false, -1,
        [shard, shard], IsProbe: true);
}
