namespace WeComFunc.Tests.Doubles;

/// <summary>A secret in the output.</summary>
/// <param name="Name">What the secret was registered as.</param>
/// <param name="Form"><c>plain</c>, <c>URL</c>, <c>JSON</c> or <c>base64</c>.</param>
/// <param name="Line">Line of the file, from 1.</param>
/// <param name="Text">The line around it, with every secret of the line masked by <c>***</c>.</param>
public sealed record Leak(string Name, string Form, int Line, string Text);
