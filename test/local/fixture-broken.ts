throw new Error('cannot find the words');
