using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Ledger.Fuzz.Inputs;
using Ledger.Fuzz.Judging;
using Ledger.Fuzz.Sending;
using Ledger.V1;
using RpcStatus = Google.Rpc.Status;

namespace Ledger.Fuzz.Tests;

/// <summary>What is taken for a defect, and what is not.</summary>
public sealed class JudgeTests
{
    private const string Method = "ledger.v1.TransferService.PostTransfer";

    private static readonly FuzzInput s_grpc = new()
    {
        Form = InputForm.Grpc, Method = Method, Path = "/x", Headers = [new("content-type", "application/grpc")],
    };

    private static readonly FuzzInput s_json = new() { Form = InputForm.Json, Method = Method, Path = "/v1/transfers" };

    [Fact]
    public void A_refusal_with_its_reason_is_none()
    {
        Find(Grpc(StatusCode.InvalidArgument, Info())).ShouldBeNull();
        Find(Grpc(StatusCode.Unavailable, Info(outcome: "unknown"))).ShouldBeNull();
        Find(Json(400, Info())).ShouldBeNull();
        Find(Ok(new PostTransferResponse { Result = new V1.TransferResult { Amount = "1" } })).ShouldBeNull();
    }

    [Fact]
    public void A_failure_that_nobody_expected_is_one()
    {
        Find(Grpc(StatusCode.Internal, Info())).ShouldNotBeNull().ShouldContain("Internal");
        Find(Grpc(StatusCode.Unknown, Info())).ShouldNotBeNull().ShouldContain("Unknown");
        Find(Json(500, Info())).ShouldNotBeNull().ShouldContain("HTTP 500");
        Find(Json(400, Info(), StatusCode.Unknown)).ShouldNotBeNull().ShouldContain("Unknown");
        Find(new Answer { Failure = "the connection was reset" }, s_grpc).ShouldNotBeNull().ShouldContain("no answer");
        var broken = new Answer { Failure = "SocketException: Broken pipe" };
        Find(broken, s_json).ShouldNotBeNull().ShouldContain("no answer");
        Find(broken, s_json with { Path = "/v1/transfers?" + new string('q', 8192) }).ShouldBeNull();
    }

    [Fact]
    public void A_failure_without_a_reason_is_one()
    {
        Find((new Answer { HttpStatus = 200, GrpcStatus = (int)StatusCode.InvalidArgument }, s_grpc)).ShouldNotBeNull()
            .ShouldContain("without details");
        Find(Grpc(StatusCode.InvalidArgument)).ShouldNotBeNull().ShouldContain("without ErrorInfo");
        Find(Grpc(StatusCode.InvalidArgument, Info(), Info())).ShouldNotBeNull().ShouldContain("without ErrorInfo");
        Find(Grpc(StatusCode.InvalidArgument, Info(domain: "other"))).ShouldNotBeNull().ShouldContain("domain");
        Find(Grpc(StatusCode.InvalidArgument, Info(outcome: "perhaps"))).ShouldNotBeNull()
            .ShouldContain("without an outcome");
        Find((new Answer { HttpStatus = 415 }, s_grpc)).ShouldNotBeNull().ShouldContain("without grpc-status");
        Find((new Answer { HttpStatus = 400, Body = "{}x"u8.ToArray() }, s_json)).ShouldNotBeNull()
            .ShouldContain("without a google.rpc.Status");
        Find(Json(400)).ShouldNotBeNull().ShouldContain("without ErrorInfo");
        Find((new Answer { HttpStatus = 302 }, s_json)).ShouldNotBeNull().ShouldContain("302");
    }

    [Fact]
    public void An_answer_that_clients_cannot_read_is_one()
    {
        var beyond =
            new PostTransferResponse
            {
                Result = new V1.TransferResult { CreateTime = new Timestamp { Seconds = 253_402_300_800 } }
            };
        Find(Ok(beyond)).ShouldNotBeNull().ShouldContain("clients can't read");
        Find((new Answer { HttpStatus = 200, GrpcStatus = 0, Body = [0, 0, 0, 0, 9, 1] }, s_grpc)).ShouldNotBeNull()
            .ShouldContain("ends in a frame");

        // At its deadline a call is cut off wherever it is.
        Find((new Answer
        {
            HttpStatus = 200, GrpcStatus = 4, Body = [0, 0, 0, 0, 9, 1],
            GrpcDetails = Grpc(StatusCode.DeadlineExceeded, Info()).Item1.GrpcDetails,
        }, s_grpc)).ShouldBeNull();
        Find((new Answer { HttpStatus = 200, GrpcStatus = 0 }, s_grpc)).ShouldNotBeNull()
            .ShouldContain("OK with 0 messages");
        Find((new Answer { HttpStatus = 200, Body = """{"result":{"no":1}}"""u8.ToArray() }, s_json)).ShouldNotBeNull()
            .ShouldContain("clients can't read");
    }

    [Fact]
    public void An_item_of_a_stream_is_judged_as_a_call_is()
    {
        var stream = s_grpc with { Method = "ledger.v1.StreamService.StreamCalls" };
        Find((Ok(Answered(Status(StatusCode.Internal, Info()))).Answer, stream)).ShouldNotBeNull()
            .ShouldContain("an item with Internal");
        Find((Ok(Answered(Status(StatusCode.NotFound))).Answer, stream)).ShouldNotBeNull()
            .ShouldContain("an item with NotFound without ErrorInfo");
        Find((Ok(Answered(Status(StatusCode.NotFound, Info()))).Answer, stream)).ShouldBeNull();

        static StreamCallsResponse Answered(RpcStatus error) =>
            new() { Answers = { new CallAnswer { Id = 1, Error = error } } };
    }

    private static string? Find((Answer Answer, FuzzInput Input) one) => Judge.Find(one.Input, one.Answer)?.Kind;

    private static string? Find(Answer answer, FuzzInput input) => Find((answer, input));

    private static ErrorInfo Info(string domain = "ledger", string outcome = "not_applied") =>
        new() { Domain = domain, Reason = "MALFORMED_REQUEST", Metadata = { ["outcome"] = outcome } };

    private static RpcStatus Status(StatusCode code, params ErrorInfo[] infos) =>
        new() { Code = (int)code, Details = { infos.Select(Any.Pack) } };

    private static (Answer, FuzzInput) Grpc(StatusCode code, params ErrorInfo[] infos) =>
        (new Answer { HttpStatus = 200, GrpcStatus = (int)code, GrpcDetails = Status(code, infos).ToByteArray() },
            s_grpc);

    private static (Answer, FuzzInput) Json(int http, ErrorInfo info, StatusCode code = StatusCode.InvalidArgument) =>
        Json(http, code, info);

    private static (Answer, FuzzInput) Json(int http) => Json(http, StatusCode.InvalidArgument);

    private static (Answer, FuzzInput) Json(int http, StatusCode code, params ErrorInfo[] infos)
    {
        var formatter = new JsonFormatter(
            new JsonFormatter.Settings(
                true, Google.Protobuf.Reflection.TypeRegistry.FromMessages(ErrorInfo.Descriptor)));
        return (
            new Answer { HttpStatus = http, Body = Encoding.UTF8.GetBytes(formatter.Format(Status(code, infos))) },
            s_json);
    }

    private static (Answer Answer, FuzzInput Input) Ok(IMessage message) =>
        (new Answer { HttpStatus = 200, GrpcStatus = 0, Body = GrpcMaker.Frame(message.ToByteArray()) }, s_grpc);
}
