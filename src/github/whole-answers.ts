const WITHOUT_BODY = [204, 205, 304];

function isJson(response: Response): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/.test(response.headers.get('content-type') ?? '');
}

/**
 * A connection that ends in the middle of an answer is a failure. Octokit gives what came until then as the data of a success: an empty
 * list of comments, a check run without an id. So the whole body is taken here, where its end can still be missed.
 */
export function withWholeAnswers(base: typeof fetch): typeof fetch {
  return async (input, init) => {
    const response = await base(input, init);
    if (WITHOUT_BODY.includes(response.status)) return response;
    const body = await response.arrayBuffer();
    if (response.ok && isJson(response) && body.byteLength > 0) JSON.parse(new TextDecoder().decode(body));
    const { status, statusText, headers, url } = response;
    return Object.defineProperty(new Response(body, { status, statusText, headers }), 'url', { value: url });
  };
}
